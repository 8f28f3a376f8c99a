//! The files of `/proc/self`.

/// `/proc/self/stat`, in the kernel's units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
    pub(super) user_ticks: u64,
    pub(super) system_ticks: u64,
    pub(super) threads: i64,
    pub(super) start_ticks: u64,
    pub(super) virtual_bytes: u64,
    pub(super) resident_pages: u64,
}

impl Stat {
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The name of the program stands in parentheses and may hold any character.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The manual counts from 1, and the third is the first here.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            minor_faults: field(10)?,
            major_faults: field(12)?,
            user_ticks: field(14)?,
            system_ticks: field(15)?,
            threads: i64::try_from(field(20)?).ok()?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// The number in a line `name: 123` of a file of such lines.
pub(super) fn number_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_behind_any_program_name() {
        let text = "4242 (a) b (c)) S 1 4242 4242 0 -1 4194560 1001 0 7 0 150 30 0 0 20 0 9 0 88000 104857600 2560 18446744073709551615 1 1";
        let stat = Stat::parse(text).unwrap();
        let wanted = Stat {
            minor_faults: 1001,
            major_faults: 7,
            user_ticks: 150,
            system_ticks: 30,
            threads: 9,
            start_ticks: 88_000,
            virtual_bytes: 104_857_600,
            resident_pages: 2560,
        };
        assert_eq!(stat, wanted);
        assert_eq!(Stat::parse("4242 (a) S 1"), None);
    }

    #[test]
    fn finds_lines_by_their_whole_name() {
        let text = "rchar: 1\nread_bytes: 4096\ncancelled_write_bytes: 0\nwrite_bytes: 512 B\n";
        assert_eq!(number_of(text, "read_bytes"), Some(4096));
        assert_eq!(number_of(text, "write_bytes"), Some(512));
        assert_eq!(number_of(text, "bytes"), None);
    }
}
