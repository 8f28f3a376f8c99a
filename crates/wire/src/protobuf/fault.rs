//! What is wrong with malformed protobuf, and where.

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The input ends inside a value.
    #[error("the input ends inside a value")]
    Truncated,
    /// A length reaches past the message it lies in.
    #[error("a length reaches past the end of its message")]
    LengthExceeded,
    /// A varint has more than 64 bits.
    #[error("a varint has more than 64 bits")]
    VarintOverflow,
    /// A field has number zero, or a number that is too large.
    #[error("not a field number")]
    FieldNumber,
    /// A group, or a wire type that does not exist.
    #[error("groups and unknown wire types are not accepted")]
    WireType,
    /// A known field has another wire type than its declaration says.
    #[error("the field has another wire type than declared")]
    WrongWireType,
    /// Text is not UTF-8.
    #[error("text is not valid UTF-8")]
    Utf8,
    /// Values are nested too deeply.
    #[error("values are nested too deeply")]
    TooDeep,
    /// The request would need more rows or text than a batch can hold.
    #[error("the request is too large for one batch")]
    TooLarge,
}

/// Malformed input: the kind, the path of fields down to it, and the place in memory, which
/// [`offset_in`](Self::offset_in) turns into a byte offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: FaultKind,
    address: usize,
    /// Innermost field first.
    path: Vec<(&'static str, Option<usize>)>,
}

impl Fault {
    /// A fault at the start of `rest`, which must be part of the input.
    #[cold]
    #[must_use]
    pub fn at(kind: FaultKind, rest: &[u8]) -> Self {
        Self(Box::new(Inner { kind, address: rest.as_ptr() as usize, path: Vec::new() }))
    }

    /// The same fault, seen from the message that holds the field.
    #[cold]
    #[must_use]
    pub fn within(mut self, field: &'static str) -> Self {
        self.0.path.push((field, None));
        self
    }

    /// The same fault, seen from the message that holds the repeated field.
    #[cold]
    #[must_use]
    pub fn within_item(mut self, field: &'static str, index: usize) -> Self {
        self.0.path.push((field, Some(index)));
        self
    }

    /// Why the input is malformed.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.0.kind
    }

    /// Byte offset of the fault in `input`, the whole message that was read.
    #[must_use]
    pub fn offset_in(&self, input: &[u8]) -> usize {
        self.0.address.saturating_sub(input.as_ptr() as usize).min(input.len())
    }

    /// The fields down to the fault, as in `resource_spans[0].scope_spans[1].spans[7].name`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut text = String::new();
        for (field, index) in self.0.path.iter().rev() {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(field);
            if let Some(index) = index {
                text.push_str(&format!("[{index}]"));
            }
        }
        text
    }
}
