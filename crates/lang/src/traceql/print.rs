//! Trees to text that parses to the same tree, with no more brackets than that takes.

mod field;
mod metrics;
mod scalar;
mod spanset;

use std::fmt::{self, Display, Formatter, Write as _};

use super::go_string::quote;
use super::{Attribute, FieldRef, Hint, Literal, Query, QueryBody, format_duration};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.body {
            QueryBody::Spansets(pipeline) => pipeline.fmt(f)?,
            QueryBody::PipelineComparison(filter) => filter.fmt(f)?,
            QueryBody::Metrics(expression) => expression.fmt(f)?,
        }
        if !self.hints.is_empty() {
            f.write_str(" with(")?;
            list(f, &self.hints)?;
            f.write_char(')')?;
        }
        Ok(())
    }
}

impl Display for Hint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(&quote(text)),
            Self::Int(i64::MIN) => f.write_str("minInt"),
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Bool(truth) => truth.fmt(f),
            Self::Duration(nanos) => f.write_str(&format_duration(*nanos)),
            Self::Status(status) => f.write_str(status.name()),
            Self::Kind(kind) => f.write_str(kind.name()),
        }
    }
}

impl Display for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.field.fmt(f)
    }
}

impl Display for FieldRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intrinsic(intrinsic) => f.write_str(intrinsic.name()),
            Self::Attribute { scope, parent, name } => {
                if *parent {
                    f.write_str("parent")?;
                    if !scope.name().is_empty() {
                        f.write_char('.')?;
                    }
                }
                f.write_str(scope.name())?;
                f.write_char('.')?;
                let scope_like = name.starts_with("span.") || name.starts_with("resource.");
                if name.is_empty()
                    || name.contains(|c: char| c == '"' || !super::lexer::is_attribute_char(c))
                    || name.starts_with(|c: char| c.is_ascii_digit())
                    || (*parent && scope_like)
                {
                    write!(f, "\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
                } else {
                    f.write_str(name)
                }
            }
        }
    }
}

/// Items with commas between them.
fn list<T: Display>(f: &mut Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

/// The item, in brackets if asked.
fn bracketed<T: Display>(f: &mut Formatter<'_>, brackets: bool, item: &T) -> fmt::Result {
    if brackets { write!(f, "({item})") } else { item.fmt(f) }
}

#[cfg(test)]
mod tests;
