//! Writing protobuf fields into a buffer.

/// Wire types.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low7(value) | 0x80);
        value >>= 7;
    }
    out.push(low7(value));
}

fn low7(value: u64) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or(0)
}

fn key(out: &mut Vec<u8>, field: u64, wire: u64) {
    varint(out, field << 3 | wire);
}

/// A varint field, left out when zero.
pub(super) fn uint(out: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        key(out, field, VARINT);
        varint(out, value);
    }
}

/// A varint field of a oneof: written even when zero.
pub(super) fn uint_always(out: &mut Vec<u8>, field: u64, value: u64) {
    key(out, field, VARINT);
    varint(out, value);
}

pub(super) fn fixed64(out: &mut Vec<u8>, field: u64, value: u64) {
    key(out, field, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn fixed32(out: &mut Vec<u8>, field: u64, value: u32) {
    if value != 0 {
        key(out, field, FIXED32);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// A string or bytes field, left out when empty.
pub(super) fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    if !value.is_empty() {
        bytes_always(out, field, value);
    }
}

/// A string or bytes field of a oneof: written even when empty.
pub(super) fn bytes_always(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, LENGTH);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A nested message. Its length is not known beforehand: room for a common length is left and
/// the body moved when that was wrong.
pub(super) fn message(out: &mut Vec<u8>, field: u64, body: impl FnOnce(&mut Vec<u8>)) {
    key(out, field, LENGTH);
    let at = out.len();
    out.push(0);
    body(out);
    let length = (out.len() - at - 1) as u64;
    if length < 0x80 {
        if let Some(byte) = out.get_mut(at) {
            *byte = low7(length);
        }
        return;
    }
    let shift = varint_len(length) - 1;
    let end = out.len();
    out.resize(end + shift, 0);
    out.copy_within(at + 1..end, at + 1 + shift);
    let mut rest = length;
    for byte in out.iter_mut().skip(at).take(shift + 1) {
        *byte = low7(rest) | if rest >= 0x80 { 0x80 } else { 0 };
        rest >>= 7;
    }
}

fn varint_len(value: u64) -> usize {
    let bits = (u64::BITS - value.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_messages_of_any_length_decode() {
        for n in [0, 1, 127, 128, 16_383, 16_384, 2_100_000] {
            let mut out = Vec::new();
            message(&mut out, 1, |out| out.resize(out.len() + n, 7));
            let mut expected = vec![10];
            varint(&mut expected, n as u64);
            expected.resize(expected.len() + n, 7);
            assert!(out == expected, "{n}");
        }
    }
}
