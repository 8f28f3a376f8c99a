//! JSON to protobuf, in one streaming pass.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::schema::{Field, Kind, Message};
use crate::protobuf::Writer;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Translates the JSON form of `message` to its protobuf form.
///
/// # Errors
/// Text that is not JSON, or a known field with a value of another type.
pub(crate) fn to_protobuf(message: &'static Message, json: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut writer = Writer::with_capacity(json.len() / 2);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    MessageSeed { message, writer: &mut writer }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(writer.into_bytes())
}

/// Reads an object into the open message of the writer.
struct MessageSeed<'w> {
    message: &'static Message,
    writer: &'w mut Writer,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object ({})", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(name)) = map.next_key_seed(KeySeed)? {
            let Some(field) = self.message.fields.iter().find(|field| field.name == name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            map.next_value_seed(FieldSeed { field, writer: self.writer, inside: false })?;
        }
        Ok(())
    }
}

/// An object's key, borrowed where it has no escapes.
struct Key<'de>(Cow<'de, str>);
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key<'de>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Key<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(text)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(text.to_owned())))
    }
}

/// Reads one value (or, outside, an array of them) into the field.
struct FieldSeed<'w> {
    field: &'static Field,
    writer: &'w mut Writer,
    inside: bool,
}

impl FieldSeed<'_> {
    fn wrong<E: Error>(&self, what: impl fmt::Display) -> E {
        E::custom(format_args!("field {}: {what}", self.field.name))
    }

    fn integer<E: Error>(self, value: i128) -> Result<(), E> {
        let number = self.field.number;
        let range =
            |ok: bool| if ok { Ok(()) } else { Err(self.wrong(format_args!("{value} is out of range"))) };
        match self.field.kind {
            Kind::Int64 | Kind::Sfixed64 => range(i64::try_from(value).is_ok())?,
            Kind::Uint64 | Kind::Fixed64 => range(u64::try_from(value).is_ok())?,
            Kind::Uint32 | Kind::Fixed32 => range(u32::try_from(value).is_ok())?,
            Kind::Sint32 | Kind::Enum(_) => range(i32::try_from(value).is_ok())?,
            _ => {}
        }
        match self.field.kind {
            Kind::Int64 | Kind::Uint64 | Kind::Uint32 | Kind::Enum(_) => {
                self.writer.varint(number, value as u64)
            }
            Kind::Fixed64 | Kind::Sfixed64 => self.writer.fixed64(number, value as u64),
            Kind::Fixed32 => self.writer.fixed32(number, value as u32),
            Kind::Sint32 => self.writer.sint32_nonzero(number, value as i32),
            Kind::Double => self.writer.double(number, value as f64),
            _ => return Err(self.wrong("a number is not allowed here")),
        }
        Ok(())
    }

    fn text<E: Error>(self, text: &str) -> Result<(), E> {
        let number = self.field.number;
        match self.field.kind {
            Kind::String => self.writer.string(number, text),
            Kind::Bytes => {
                let decoded = BASE64.decode(text).or_else(|_| BASE64_URL.decode(text));
                let bytes = decoded.map_err(|error| self.wrong(format_args!("not base64: {error}")))?;
                self.writer.bytes(number, &bytes);
            }
            Kind::Id => {
                let bytes = hex::decode(text)
                    .map_err(|error| self.wrong(format_args!("not hexadecimal: {error}")))?;
                self.writer.bytes(number, &bytes);
            }
            Kind::Double => match text.parse::<f64>() {
                Ok(value) => self.writer.double(number, value),
                Err(error) => return Err(self.wrong(error)),
            },
            Kind::Enum(names) => match names.iter().position(|name| *name == text) {
                Some(value) => self.writer.varint(number, value as u64),
                None => return Err(self.wrong(format_args!("{text:?} is not one of its values"))),
            },
            Kind::Bool | Kind::Message(_) => return Err(self.wrong("a string is not allowed here")),
            Kind::Int64 | Kind::Sfixed64 => match text.parse::<i64>() {
                Ok(value) => return self.integer(value.into()),
                Err(error) => return Err(self.wrong(error)),
            },
            Kind::Uint64 | Kind::Fixed64 | Kind::Uint32 | Kind::Fixed32 | Kind::Sint32 => {
                match text.parse::<i128>() {
                    Ok(value) => return self.integer(value),
                    Err(error) => return Err(self.wrong(error)),
                }
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = if self.field.repeated && !self.inside { "an array of " } else { "" };
        write!(f, "{many}{:?} for field {}", KindName(self.field.kind), self.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool if self.field.repeated == self.inside => {
                self.writer.varint(self.field.number, value.into());
                Ok(())
            }
            _ => Err(self.wrong("a boolean is not allowed here")),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar()?.integer(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar()?.integer(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let seed = self.scalar()?;
        if matches!(seed.field.kind, Kind::Double) {
            seed.writer.double(seed.field.number, value);
            return Ok(());
        }
        if value.fract() != 0.0 || value.abs() > 9.0e18 {
            return Err(seed.wrong("not an integer"));
        }
        seed.integer(value as i128)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.scalar()?.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        if !self.field.repeated || self.inside {
            return Err(self.wrong("an array is not allowed here"));
        }
        let Self { field, writer, .. } = self;
        while values.next_element_seed(FieldSeed { field, writer, inside: true })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let seed = self.scalar()?;
        let Kind::Message(message) = seed.field.kind else {
            return Err(seed.wrong("an object is not allowed here"));
        };
        let mark = seed.writer.open(seed.field.number);
        MessageSeed { message, writer: seed.writer }.visit_map(map)?;
        seed.writer.close(mark);
        Ok(())
    }
}

impl<'w> FieldSeed<'w> {
    /// Itself where one value belongs; repeated fields take an array only.
    fn scalar<E: Error>(self) -> Result<FieldSeed<'w>, E> {
        if self.field.repeated == self.inside { Ok(self) } else { Err(self.wrong("an array is expected")) }
    }
}

/// Prints what a kind of field wants.
struct KindName(Kind);

impl fmt::Debug for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::String => "a string",
            Kind::Bytes => "base64",
            Kind::Id => "hexadecimal digits",
            Kind::Bool => "a boolean",
            Kind::Double => "a number",
            Kind::Message(_) => "an object",
            _ => "an integer",
        })
    }
}
