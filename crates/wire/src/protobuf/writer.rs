//! Writes protobuf fields into one growing buffer.

/// Writes one message; nested messages are opened and closed in place.
///
/// Scalar methods write the value even when it is the default; the `_nonzero` forms leave a
/// default out, as proto3 does for fields without presence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writer {
    buffer: Vec<u8>,
}

/// Where an open nested message begins; give it to [`Writer::close`].
#[derive(Debug)]
#[must_use = "an opened message must be closed"]
pub struct Mark(usize);

impl Writer {
    /// A writer with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(bytes) }
    }

    /// What has been written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Hands over what has been written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    #[inline]
    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.buffer.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.push(value as u8);
    }

    #[inline]
    fn key(&mut self, field: u32, wire: u32) {
        self.raw(u64::from(field << 3 | wire));
    }

    /// A varint: `uint64`, `uint32`, `int64` (as `u64`), `bool`, enumeration.
    #[inline]
    pub fn varint(&mut self, field: u32, value: u64) {
        self.key(field, 0);
        self.raw(value);
    }

    /// A varint, left out when zero.
    #[inline]
    pub fn varint_nonzero(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.varint(field, value);
        }
    }

    /// An `int32` or enumeration, left out when zero; a negative one takes ten bytes.
    #[inline]
    pub fn int32_nonzero(&mut self, field: u32, value: i32) {
        self.varint_nonzero(field, i64::from(value) as u64);
    }

    /// A `sint32`, left out when zero.
    #[inline]
    pub fn sint32_nonzero(&mut self, field: u32, value: i32) {
        self.varint_nonzero(field, u64::from(((value << 1) ^ (value >> 31)) as u32));
    }

    /// A `fixed64`.
    #[inline]
    pub fn fixed64(&mut self, field: u32, value: u64) {
        self.key(field, 1);
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// A `fixed64`, left out when zero.
    #[inline]
    pub fn fixed64_nonzero(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.fixed64(field, value);
        }
    }

    /// A `double`.
    #[inline]
    pub fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// A `fixed32`, left out when zero.
    #[inline]
    pub fn fixed32_nonzero(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.fixed32(field, value);
        }
    }

    /// A `fixed32`.
    #[inline]
    pub fn fixed32(&mut self, field: u32, value: u32) {
        self.key(field, 5);
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// `bytes`, or a message that is already encoded.
    #[inline]
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, 2);
        self.raw(value.len() as u64);
        self.buffer.extend_from_slice(value);
    }

    /// `bytes`, left out when empty.
    #[inline]
    pub fn bytes_nonempty(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.bytes(field, value);
        }
    }

    /// A `string`.
    #[inline]
    pub fn string(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A `string`, left out when empty.
    #[inline]
    pub fn string_nonempty(&mut self, field: u32, value: &str) {
        self.bytes_nonempty(field, value.as_bytes());
    }

    /// Packed `fixed64`s, left out when there are none.
    pub fn packed_fixed64(&mut self, field: u32, values: impl ExactSizeIterator<Item = u64>) {
        if values.len() == 0 {
            return;
        }
        self.key(field, 2);
        self.raw(values.len() as u64 * 8);
        values.for_each(|value| self.buffer.extend_from_slice(&value.to_le_bytes()));
    }

    /// Packed varints, left out when there are none.
    pub fn packed_varints(&mut self, field: u32, values: impl ExactSizeIterator<Item = u64>) {
        if values.len() == 0 {
            return;
        }
        let mark = self.open(field);
        values.for_each(|value| self.raw(value));
        self.close(mark);
    }

    /// Opens a nested message; what is written until [`close`](Self::close) is inside it.
    #[inline]
    pub fn open(&mut self, field: u32) -> Mark {
        self.key(field, 2);
        self.buffer.push(0);
        Mark(self.buffer.len())
    }

    /// Closes the nested message that `mark` opened.
    #[inline]
    pub fn close(&mut self, mark: Mark) {
        let length = self.buffer.len() - mark.0;
        if length < 0x80 {
            if let Some(slot) = self.buffer.get_mut(mark.0 - 1) {
                *slot = length as u8;
            }
            return;
        }
        let mut prefix = Self::default();
        prefix.raw(length as u64);
        self.buffer.splice(mark.0 - 1..mark.0, prefix.buffer);
    }

    /// Whether nothing was written since `mark`.
    #[must_use]
    pub fn is_empty_since(&self, mark: &Mark) -> bool {
        self.buffer.len() == mark.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_messages_of_any_length_get_their_length_prefix() {
        for size in [0, 1, 125, 126, 127, 128, 20_000] {
            let mut writer = Writer::default();
            let outer = writer.open(1);
            let inner = writer.open(2);
            assert!(writer.is_empty_since(&inner));
            writer.bytes(3, &vec![7; size]);
            writer.close(inner);
            writer.close(outer);
            let read = |message: &[u8]| {
                let mut reader = super::super::Reader::new(message);
                let tag = reader.tag().unwrap().unwrap();
                reader.bytes(tag).unwrap().to_vec()
            };
            assert_eq!(read(&read(&read(writer.as_bytes()))), vec![7; size]);
        }
    }
}
