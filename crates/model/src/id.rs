//! Trace and span identifiers (W3C Trace Context, OTLP).

use std::fmt;

/// An identifier's text is not hexadecimal, or is too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of at most {max} hexadecimal digits")]
pub struct IdError {
    text: String,
    max: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// The id of all zeros, which W3C and OTLP call invalid.
            pub const ZERO: Self = Self([0; $bytes]);

            /// Reads hexadecimal digits of any case; shorter text is padded with zeros on the left.
            ///
            /// # Errors
            /// Empty text, too many digits, or a character that is no hexadecimal digit.
            pub fn from_hex(text: &str) -> Result<Self, IdError> {
                let fail = || IdError { text: text.chars().take(80).collect(), max: $bytes * 2 };
                let digits = text.as_bytes();
                if digits.is_empty() || digits.len() > $bytes * 2 {
                    return Err(fail());
                }
                let mut padded = [b'0'; $bytes * 2];
                padded[$bytes * 2 - digits.len()..].copy_from_slice(digits);
                let mut id = [0; $bytes];
                hex::decode_to_slice(padded, &mut id).map_err(|_| fail())?;
                Ok(Self(id))
            }

            /// Takes raw bytes; `None` unless there are exactly as many as the id has.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Whether every byte is zero.
            #[must_use]
            pub fn is_zero(self) -> bool {
                self == Self::ZERO
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; $bytes * 2];
                // The buffer has exactly the length asked for.
                hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::from_hex(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::from_hex(&text)
            }
        }
    };
}

id! {
    /// A trace's id, 16 bytes.
    TraceId, 16
}
id! {
    /// A span's id, 8 bytes, unique within its trace.
    SpanId, 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_short_ids_on_the_left_and_prints_lower_case() {
        let id = TraceId::from_hex("ABCDEF0123456789").unwrap();
        assert_eq!(id.to_string(), "0000000000000000abcdef0123456789");
        assert_eq!(SpanId::from_hex("1").unwrap().to_string(), "0000000000000001");
    }

    #[test]
    fn refuses_what_is_not_hexadecimal_or_too_long() {
        for bad in ["", "xyz", &"0".repeat(33), "12 4", "ä"] {
            assert!(TraceId::from_hex(bad).is_err(), "{bad:?}");
        }
    }
}
