//! Tokens to syntax tree: recursive descent, with precedence climbing where operators are.
//!
//! Three bounds keep every tree shallow enough to walk recursively: how deep brackets and prefix
//! operators nest, how many operators a query has, and how deep the finished tree is (operators of
//! one precedence that alternate make a deep tree without a bracket).

mod attribute;
mod cursor;
mod field;
mod hints;
mod metrics;
mod node;
mod scalar;
mod sequence;

use super::depth;
use super::lexer::tokenize;
use super::{Attribute, Error, Pipeline, Position, Query, QueryBody, Stage};
use node::Node;
use sequence::Sequence;

pub(crate) use cursor::Parser;

/// How deep brackets and prefix operators may nest.
pub const MAX_NESTING: u32 = 100;
/// How many operators a query may have.
pub const MAX_OPERATORS: u32 = 1_000;
/// How long a query may be.
pub const MAX_QUERY_BYTES: usize = 128 * 1024;

/// Parses a query without checking what it means; see [`super::validate`] for that.
///
/// # Errors
/// The text does not follow the grammar, or is too long or nested too deeply.
pub fn parse(text: &str) -> Result<Query, Error> {
    parse_text(text, Parser::query)
}

/// Parses the name of one field, such as `resource.service.name`, `.x` or `status`.
///
/// # Errors
/// The text is not exactly one field.
pub fn parse_attribute(text: &str) -> Result<Attribute, Error> {
    parse_text(text, |parser| {
        let attribute = parser.attribute()?;
        parser.expect_end()?;
        Ok(attribute)
    })
}

fn parse_text<T>(text: &str, parse: impl FnOnce(&mut Parser) -> Result<T, Error>) -> Result<T, Error> {
    let located = |error: Error| error.located_in(text);
    if text.len() > MAX_QUERY_BYTES {
        let message = format!("the query is longer than {MAX_QUERY_BYTES} bytes");
        return Err(located(Error::too_complex(Position(0), message)));
    }
    let (lexemes, fault) = tokenize(text);
    let mut parser = Parser::new(lexemes);
    match parse(&mut parser) {
        // A fault of the lexer shows as an early end; what it says is the better message.
        result if fault.is_none() => result.map_err(located),
        Err(error) if !parser.at_end() => Err(located(error)),
        _ => Err(located(fault.unwrap_or_else(|| Error::syntax(Position(0), "unreadable query")))),
    }
}

impl Parser {
    fn query(&mut self) -> Result<Query, Error> {
        let position = self.position();
        let body = match self.sequence(false)? {
            Sequence::Pipeline(pipeline) => QueryBody::Spansets(pipeline),
            Sequence::Metrics(pipeline) => QueryBody::Metrics(super::MetricsExpr::Series(Box::new(pipeline))),
            Sequence::Node(node) => self.root(node, position)?,
        };
        let hints = self.hints()?;
        self.expect_end()?;
        let query = Query { body, hints };
        depth::check(&query)?;
        Ok(query)
    }

    /// What a node means when it is the whole query.
    fn root(&mut self, node: Node, position: Position) -> Result<QueryBody, Error> {
        match node {
            Node::Spanset { expression, .. } | Node::Pipelines(expression) => {
                let stages = vec![Stage::Spansets(expression)];
                Ok(QueryBody::Spansets(Pipeline { stages }))
            }
            Node::Metrics(expression) => {
                let stages = self.second_stages()?;
                Ok(QueryBody::Metrics(match stages.is_empty() {
                    true => expression,
                    false => super::MetricsExpr::Staged { operand: Box::new(expression), stages },
                }))
            }
            Node::PipelineScalar(left) => {
                let filter = self.pipeline_comparison(left)?;
                Ok(QueryBody::PipelineComparison(Box::new(filter)))
            }
            Node::Constant(_) => Err(Error::syntax(position, "a number alone is not a query")),
            Node::Scalar(_) => Err(self.unexpected("a comparison, as in `count() > 2`")),
        }
    }
}

#[cfg(test)]
mod tests;
