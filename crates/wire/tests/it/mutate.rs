//! Damage to requests.

use rand::Rng;
use rand::rngs::StdRng;

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
