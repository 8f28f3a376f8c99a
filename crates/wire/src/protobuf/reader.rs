//! A cursor over one protobuf message.

use super::fault::{Fault, FaultKind};

/// A field's key: its number and wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag(u32);

const VARINT: u32 = 0;
const I64: u32 = 1;
const LEN: u32 = 2;
const I32: u32 = 5;
/// The wire types that are read, a bit each.
const WIRE_TYPES: u32 = 1 << VARINT | 1 << I64 | 1 << LEN | 1 << I32;

impl Tag {
    /// The field's number.
    #[inline]
    #[must_use]
    pub fn field(self) -> u32 {
        self.0 >> 3
    }

    #[inline]
    fn wire(self) -> u32 {
        self.0 & 7
    }

    /// Whether the value is length-delimited: bytes, text, a message, or packed numbers.
    #[inline]
    #[must_use]
    pub fn is_len(self) -> bool {
        self.wire() == LEN
    }
}

/// Reads the fields of one message in the order in which they come.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `message` from its start.
    #[inline]
    #[must_use]
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What has not been read yet.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// A fault at the current position.
    #[cold]
    #[must_use]
    pub fn fault(&self, kind: FaultKind) -> Fault {
        Fault::at(kind, self.rest)
    }

    /// The next field's key, or nothing at the end of the message.
    ///
    /// # Errors
    /// A malformed key, a group, or a wire type that does not exist.
    #[inline(always)]
    pub fn tag(&mut self) -> Result<Option<Tag>, Fault> {
        match self.rest {
            [] => Ok(None),
            // Field numbers below 16 with a wire type that exists.
            [key, rest @ ..] if (8..0x80).contains(key) && WIRE_TYPES >> (key & 7) & 1 == 1 => {
                self.rest = rest;
                Ok(Some(Tag(u32::from(*key))))
            }
            _ => self.long_tag().map(Some),
        }
    }

    fn long_tag(&mut self) -> Result<Tag, Fault> {
        let start = self.rest;
        let key = self.varint_value()?;
        let Some(key) = u32::try_from(key).ok().filter(|key| *key >= 8) else {
            return Err(Fault::at(FaultKind::FieldNumber, start));
        };
        if WIRE_TYPES >> (key & 7) & 1 == 0 {
            return Err(Fault::at(FaultKind::WireType, start));
        }
        Ok(Tag(key))
    }

    /// Passes over the value of a field that is not known.
    ///
    /// # Errors
    /// A value that does not fit into the message.
    #[inline]
    pub fn skip(&mut self, tag: Tag) -> Result<(), Fault> {
        match tag.wire() {
            VARINT => self.varint_value().map(drop),
            I64 => self.array::<8>().map(drop),
            LEN => self.len_value().map(drop),
            _ => self.array::<4>().map(drop),
        }
    }

    /// A `uint64`, `int64` or, cut to its low bits, any other varint.
    ///
    /// # Errors
    /// Another wire type, or a malformed varint.
    #[inline(always)]
    pub fn varint(&mut self, tag: Tag) -> Result<u64, Fault> {
        self.expect(tag, VARINT)?;
        self.varint_value()
    }

    /// An `int32` or enumeration.
    ///
    /// # Errors
    /// As [`varint`](Self::varint).
    #[inline]
    pub fn int32(&mut self, tag: Tag) -> Result<i32, Fault> {
        Ok(self.varint(tag)? as i32)
    }

    /// A `uint32`.
    ///
    /// # Errors
    /// As [`varint`](Self::varint).
    #[inline]
    pub fn uint32(&mut self, tag: Tag) -> Result<u32, Fault> {
        Ok(self.varint(tag)? as u32)
    }

    /// A `sint32`.
    ///
    /// # Errors
    /// As [`varint`](Self::varint).
    #[inline]
    pub fn sint32(&mut self, tag: Tag) -> Result<i32, Fault> {
        let zigzag = self.uint32(tag)?;
        Ok((zigzag >> 1) as i32 ^ -((zigzag & 1) as i32))
    }

    /// A `bool`.
    ///
    /// # Errors
    /// As [`varint`](Self::varint).
    #[inline]
    pub fn bool(&mut self, tag: Tag) -> Result<bool, Fault> {
        Ok(self.varint(tag)? != 0)
    }

    /// A `fixed64`, or the bits of an `sfixed64`.
    ///
    /// # Errors
    /// Another wire type, or the end of the input.
    #[inline(always)]
    pub fn fixed64(&mut self, tag: Tag) -> Result<u64, Fault> {
        self.expect(tag, I64)?;
        self.array().map(u64::from_le_bytes)
    }

    /// A `double`.
    ///
    /// # Errors
    /// Another wire type, or the end of the input.
    #[inline]
    pub fn double(&mut self, tag: Tag) -> Result<f64, Fault> {
        self.fixed64(tag).map(f64::from_bits)
    }

    /// A `fixed32`.
    ///
    /// # Errors
    /// Another wire type, or the end of the input.
    #[inline(always)]
    pub fn fixed32(&mut self, tag: Tag) -> Result<u32, Fault> {
        self.expect(tag, I32)?;
        self.array().map(u32::from_le_bytes)
    }

    /// `bytes`, or a message as bytes.
    ///
    /// # Errors
    /// Another wire type, or a length past the end of the message.
    #[inline(always)]
    pub fn bytes(&mut self, tag: Tag) -> Result<&'a [u8], Fault> {
        self.expect(tag, LEN)?;
        self.len_value()
    }

    /// A `string`.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and text that is not UTF-8.
    #[inline(always)]
    pub fn string(&mut self, tag: Tag) -> Result<&'a str, Fault> {
        utf8(self.bytes(tag)?)
    }

    /// Repeated `fixed64`, packed or one value.
    ///
    /// # Errors
    /// Another wire type, or a length that is no multiple of eight.
    pub fn fixed64s(&mut self, tag: Tag, mut push: impl FnMut(u64)) -> Result<(), Fault> {
        if !tag.is_len() {
            push(self.fixed64(tag)?);
            return Ok(());
        }
        let packed = self.len_value()?;
        let (values, tail) = packed.as_chunks::<8>();
        if !tail.is_empty() {
            return Err(Fault::at(FaultKind::LengthExceeded, tail));
        }
        values.iter().for_each(|value| push(u64::from_le_bytes(*value)));
        Ok(())
    }

    /// Repeated `uint64`, packed or one value.
    ///
    /// # Errors
    /// Another wire type, or a malformed varint.
    pub fn varints(&mut self, tag: Tag, mut push: impl FnMut(u64)) -> Result<(), Fault> {
        if !tag.is_len() {
            push(self.varint(tag)?);
            return Ok(());
        }
        let mut packed = Reader::new(self.len_value()?);
        while !packed.rest.is_empty() {
            push(packed.varint_value()?);
        }
        Ok(())
    }

    #[inline(always)]
    fn expect(&self, tag: Tag, wire: u32) -> Result<(), Fault> {
        if tag.wire() == wire { Ok(()) } else { Err(self.fault(FaultKind::WrongWireType)) }
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let Some((value, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.fault(FaultKind::Truncated));
        };
        self.rest = rest;
        Ok(*value)
    }

    #[inline(always)]
    fn len_value(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.rest;
        let length = self.varint_value()?;
        let split = usize::try_from(length).ok().and_then(|n| self.rest.split_at_checked(n));
        let Some((value, rest)) = split else {
            return Err(Fault::at(FaultKind::LengthExceeded, start));
        };
        self.rest = rest;
        Ok(value)
    }

    #[inline(always)]
    fn varint_value(&mut self) -> Result<u64, Fault> {
        match *self.rest {
            [a, ref rest @ ..] if a < 0x80 => {
                self.rest = rest;
                Ok(u64::from(a))
            }
            [a, b, ref rest @ ..] if b < 0x80 => {
                self.rest = rest;
                Ok(u64::from(a & 0x7f) | u64::from(b) << 7)
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0_u64;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            if index == 9 && byte > 1 {
                return Err(self.fault(FaultKind::VarintOverflow));
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(self.fault(FaultKind::Truncated))
    }
}

/// Checks that bytes are text.
///
/// # Errors
/// Bytes that are not UTF-8.
#[inline]
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes)
        .map_err(|error| Fault::at(FaultKind::Utf8, bytes.get(error.valid_up_to()..).unwrap_or(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(input: &[u8]) -> (Tag, Reader<'_>) {
        let mut reader = Reader::new(input);
        let tag = reader.tag().unwrap().unwrap();
        (tag, reader)
    }

    #[test]
    fn reads_varints_of_every_length_up_to_64_bits() {
        for value in [0, 1, 127, 128, 300, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut writer = super::super::Writer::default();
            writer.varint(1, value);
            let (tag, mut reader) = first(writer.as_bytes());
            assert_eq!(reader.varint(tag).unwrap(), value);
            assert!(reader.tag().unwrap().is_none());
        }
    }

    #[test]
    fn refuses_varints_beyond_64_bits_and_cut_ones() {
        let mut long = vec![8];
        long.extend([0xff; 9]);
        long.push(2);
        let (tag, mut reader) = first(&long);
        assert_eq!(reader.varint(tag).unwrap_err().kind(), FaultKind::VarintOverflow);
        let (tag, mut reader) = first(&[8, 0x80, 0x80]);
        let fault = reader.varint(tag).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Truncated);
    }

    #[test]
    fn refuses_groups_field_zero_and_unknown_wire_types() {
        for (key, kind) in [
            (0x0b, FaultKind::WireType),
            (0x0c, FaultKind::WireType),
            (0x0e, FaultKind::WireType),
            (0x02, FaultKind::FieldNumber),
        ] {
            assert_eq!(Reader::new(&[key]).tag().unwrap_err().kind(), kind, "{key:#x}");
        }
    }

    #[test]
    fn a_length_past_the_message_is_named_with_its_offset() {
        let input = [0x0a, 5, b'a', b'b'];
        let (tag, mut reader) = first(&input);
        let fault = reader.bytes(tag).unwrap_err().within("name").within_item("spans", 3);
        assert_eq!(fault.kind(), FaultKind::LengthExceeded);
        assert_eq!(fault.offset_in(&input), 1);
        assert_eq!(fault.path(), "spans[3].name");
    }

    #[test]
    fn packed_and_single_numbers_read_alike() {
        let mut seen = Vec::new();
        for input in [&[0x0a, 3, 1, 0x80, 1][..], &[0x08, 1][..]] {
            let (tag, mut reader) = first(input);
            reader.varints(tag, |value| seen.push(value)).unwrap();
        }
        assert_eq!(seen, [1, 128, 1]);
        let (tag, mut reader) = first(&[0x0a, 7, 0, 0, 0, 0, 0, 0, 0]);
        assert!(reader.fixed64s(tag, |_| ()).is_err());
    }

    #[test]
    fn signed_numbers_are_zigzag() {
        for (bytes, value) in [(&[8, 1][..], -1), (&[8, 2][..], 1), (&[8, 0][..], 0)] {
            let (tag, mut reader) = first(bytes);
            assert_eq!(reader.sint32(tag).unwrap(), value);
        }
    }
}
