//! How the kernel measures: from the vector it hands to each process.

/// Keys of the auxiliary vector.
const PAGE_SIZE: u64 = 6;
const CLOCK_TICKS: u64 = 17;

/// The units of `/proc/self/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Units {
    pub(super) page_bytes: u64,
    pub(super) ticks_per_second: u64,
}

impl Units {
    /// The units of this machine; the usual ones when it does not tell.
    pub(super) fn read() -> Self {
        Self::parse(&std::fs::read("/proc/self/auxv").unwrap_or_default())
    }

    /// Pairs of words of the machine's own size.
    fn parse(vector: &[u8]) -> Self {
        let mut units = Self { page_bytes: 4096, ticks_per_second: 100 };
        let (words, _) = vector.as_chunks::<{ size_of::<usize>() }>();
        let (pairs, _) = words.as_chunks::<2>();
        for [key, value] in pairs {
            let (key, value) = (usize::from_ne_bytes(*key) as u64, usize::from_ne_bytes(*value) as u64);
            match key {
                PAGE_SIZE if value > 0 => units.page_bytes = value,
                CLOCK_TICKS if value > 0 => units.ticks_per_second = value,
                _ => {}
            }
        }
        units
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_vector_and_falls_back_to_what_is_usual() {
        let words: [usize; 6] = [6, 65_536, 17, 250, 0, 0];
        let vector: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(Units::parse(&vector), Units { page_bytes: 65_536, ticks_per_second: 250 });
        assert_eq!(Units::parse(b"abc"), Units { page_bytes: 4096, ticks_per_second: 100 });
        assert!(Units::read().page_bytes.is_power_of_two());
    }
}
