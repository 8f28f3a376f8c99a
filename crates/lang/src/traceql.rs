//! TraceQL, the query language of Tempo: text to syntax tree and back.
//!
//! [`parse`] builds a [`Query`] from text, [`validate`] refuses what has no meaning (types that do
//! not match, a regular expression that does not compile), and [`compile`] does both. Printing a
//! tree with `Display` gives text that parses to the same tree. [`parse_lenient`] keeps what is
//! complete of a query that is still being typed; it never fails. [`parse_attribute`] reads the
//! name of one field, as in a request for its values.
//!
//! The grammar is Tempo's, with its precedence: `&&` and `||` bind equally and to the left; then
//! comparisons and structural operators, `+ -`, `!`, `* / %`, and `^`, which binds to the right.

mod ast;
mod depth;
mod duration;
mod error;
mod go_string;
mod lenient;
mod lexer;
mod parser;
mod print;
mod regex_syntax;
mod token;
mod validate;

pub use ast::{
    Aggregate, AggregateFunction, Attribute, AttributeScope, BinaryOp, FieldExpr, FieldRef, Hint, Intrinsic,
    Kind, Literal, MetricsExpr, MetricsFunction, MetricsPipeline, Pipeline, Query, QueryBody, Relation,
    ScalarExpr, ScalarFilter, SecondStage, SpansetExpr, SpansetFilter, SpansetOp, Stage, Status,
    StructuralMode, UnaryOp,
};
pub use depth::MAX_DEPTH;
pub use duration::format_duration;
pub use error::{Error, ErrorKind, Position};
pub use lenient::parse_lenient;
pub use parser::{MAX_NESTING, MAX_OPERATORS, MAX_QUERY_BYTES, parse, parse_attribute};
pub use regex_syntax::{anchored, compile_anchored};
pub use validate::validate;

/// Parses and validates a query: what an API does before it runs one.
///
/// # Errors
/// A syntax error, a meaning error, or a feature that the language names but nobody supports.
pub fn compile(text: &str) -> Result<Query, Error> {
    let query = parse(text)?;
    validate(&query).map_err(|error| error.located_in(text))?;
    Ok(query)
}
