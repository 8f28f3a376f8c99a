//! Telling names from identifiers.

/// Hexadecimal numbers of at least this many digits are identifiers.
const HEX_DIGITS_MIN: usize = 8;
/// Decimal numbers of at least this many digits are identifiers wherever they stand.
const DECIMAL_DIGITS_MIN: usize = 4;

/// The part of a span's name that is an identifier: a number in a path, a long number, a long
/// hexadecimal number or a UUID. Versions (`v1`, `entry.v2`) and short numbers are none.
pub(super) fn identifier_in(name: &str) -> Option<&str> {
    if !name.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    name.split(' ').find_map(|text| {
        let is_path = text.starts_with('/') || text.contains("://");
        text.split(|c: char| !c.is_alphanumeric()).find(|word| is_identifier(word, is_path))
    })
}

fn is_identifier(word: &str, in_path: bool) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    match word.len() {
        0 => false,
        length if digits == length => in_path || length >= DECIMAL_DIGITS_MIN,
        // A word of letters alone may be English, however hexadecimal it looks. The first part of
        // a UUID has eight digits.
        length => length >= HEX_DIGITS_MIN && digits > 0 && word.bytes().all(|b| b.is_ascii_hexdigit()),
    }
}

#[cfg(test)]
mod tests {
    use super::identifier_in;

    #[test]
    fn finds_numbers_uuids_and_hexadecimal_numbers() {
        for (name, found) in [
            ("GET /users/7", "7"),
            ("GET /users/7/orders", "7"),
            ("process order 10042", "10042"),
            ("0af7651916cd43dd8448eb211c80319c publish", "0af7651916cd43dd8448eb211c80319c"),
            ("load 123e4567-e89b-12d3-a456-426614174000", "123e4567"),
            ("room.b7ad6b71 publish", "b7ad6b71"),
        ] {
            assert_eq!(identifier_in(name), Some(found), "{name}");
        }
    }

    #[test]
    fn leaves_names_alone() {
        for name in [
            "GET /api/v1/users/{id}",
            "process ledger.entry.v1",
            "POST /oauth2/token",
            "SELECT users",
            "utf8 decode",
            "deadbeef",
            "step 2 of 3",
            "HTTP/2 ping",
            "sha256",
            "",
        ] {
            assert_eq!(identifier_in(name), None, "{name}");
        }
    }
}
