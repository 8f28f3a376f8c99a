//! Damage to requests.

use rand::Rng;
use rand::rngs::StdRng;
use throughline_wire::protobuf::{Reader, Writer};

/// Repeats, swaps, moves or drops whole fields, at any level, so that the message stays
/// well-formed: what protobuf says about repeated and reordered fields shows here.
pub(crate) fn reshape(random: &mut StdRng, message: &[u8]) -> Vec<u8> {
    let Some(mut fields) = split(message).filter(|fields| !fields.is_empty()) else {
        return message.to_vec();
    };
    let at = random.random_range(0..fields.len());
    let other = random.random_range(0..fields.len());
    let nested = fields[at].nested(message);
    match random.random_range(0..16) {
        0 => {
            let field = fields[at].clone();
            fields.insert(other, field);
        }
        1 => fields.swap(at, other),
        2 => drop(fields.remove(at)),
        3 => {
            let (field, nested) = (fields[at].clone(), nested.map(<[u8]>::to_vec));
            fields[other] = field;
            if let Some(nested) = nested {
                fields[other].bytes = reshape_in(random, fields[other].number, &nested);
            }
        }
        _ => {
            if let Some(nested) = nested {
                fields[at].bytes = reshape_in(random, fields[at].number, nested);
            }
        }
    }
    fields.into_iter().flat_map(|field| field.bytes).collect()
}

fn reshape_in(random: &mut StdRng, number: u32, nested: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.bytes(number, &reshape(random, nested));
    writer.into_bytes()
}

/// A field with its key, as bytes.
#[derive(Clone)]
struct RawField {
    number: u32,
    bytes: Vec<u8>,
    /// Where a length-delimited value is in the message.
    value: Option<std::ops::Range<usize>>,
}

impl RawField {
    fn nested<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        self.value.clone().map(|range| &message[range])
    }
}

fn split(message: &[u8]) -> Option<Vec<RawField>> {
    let mut fields = Vec::new();
    let mut reader = Reader::new(message);
    loop {
        let start = message.len() - reader.rest().len();
        let Some(tag) = reader.tag().ok()? else { return Some(fields) };
        let value = tag.is_len().then(|| reader.clone().bytes(tag)).transpose().ok()?;
        reader.skip(tag).ok()?;
        let end = message.len() - reader.rest().len();
        let value = value.map(|value| end - value.len()..end);
        fields.push(RawField { number: tag.field(), bytes: message[start..end].to_vec(), value });
    }
}

/// Changes a few bytes, cuts, repeats or joins.
pub(crate) fn mutate(random: &mut StdRng, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..random.random_range(1..4) {
        if bytes.is_empty() {
            bytes.push(random.random());
        }
        let at = random.random_range(0..bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 40));
        match random.random_range(0..11) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x12][random.random_range(0..7)],
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..end)),
            5 => bytes.insert(at, random.random()),
            6 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            7 => bytes.extend_from_slice(other),
            8 => {
                let from = random.random_range(0..=other.len());
                let to = random.random_range(from..=other.len().min(from + 60));
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            9 => bytes.splice(at..at, [0xff; 10]).for_each(drop),
            // A field's number or wire type beside the one it is.
            _ => bytes[at] = bytes[at].wrapping_add(if random.random() { 8 } else { 1 }),
        }
    }
}
