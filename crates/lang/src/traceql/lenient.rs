//! What can be kept of a query that is still being typed.
//!
//! Requests for tag names and values carry the query box as it stands, to narrow what they offer.
//! Every complete comparison joined by `&&` narrows; an unfinished one is read as `true`, so the
//! answer is never narrower than the finished query would make it.

use super::depth::is_shallow_field;
use super::lexer::tokenize;
use super::parser::{MAX_QUERY_BYTES, Parser};
use super::validate::check_predicate;
use super::{BinaryOp, FieldExpr, Position, QueryBody, SpansetExpr, Stage};

/// The predicate on a single span that the text asks for so far; `true` when it asks for nothing,
/// for several spansets, or for nothing that can be understood. Never fails.
#[must_use]
pub fn parse_lenient(text: &str) -> FieldExpr {
    if text.len() > MAX_QUERY_BYTES {
        return FieldExpr::always();
    }
    if let Ok(query) = super::compile(text) {
        return match query.body {
            QueryBody::Spansets(pipeline) => first_filter(pipeline.stages),
            QueryBody::Metrics(super::MetricsExpr::Series(series)) => first_filter(series.spansets.stages),
            _ => FieldExpr::always(),
        };
    }
    let (lexemes, _) = tokenize(text);
    let mut parser = Parser::new(lexemes);
    let mut brackets = 0;
    while parser.eat("(") {
        brackets += 1;
    }
    if !parser.eat("{") {
        return FieldExpr::always();
    }
    let predicate = parser.unfinished_chain(0);
    parser.eat("}");
    while brackets > 0 && parser.eat(")") {
        brackets -= 1;
    }
    // Another spanset joined to this one may select other spans.
    let alone = parser.at_end() || parser.sign() == Some("|");
    if alone && is_shallow_field(&predicate) { predicate } else { FieldExpr::always() }
}

fn first_filter(stages: Vec<Stage>) -> FieldExpr {
    match stages.into_iter().next() {
        Some(Stage::Spansets(SpansetExpr::Filter(filter))) => without_bare_fields(*filter.predicate),
        _ => FieldExpr::always(),
    }
}

/// A field alone is more likely half a comparison than a boolean.
fn without_bare_fields(expression: FieldExpr) -> FieldExpr {
    match expression {
        FieldExpr::Attribute(_) => FieldExpr::always(),
        FieldExpr::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), position, left, right } => {
            join(op, position, without_bare_fields(*left), without_bare_fields(*right))
        }
        other => other,
    }
}

/// Joins two predicates, leaving out what is always true.
fn join(op: BinaryOp, position: Position, left: FieldExpr, right: FieldExpr) -> FieldExpr {
    match (op, left.is_always(), right.is_always()) {
        (BinaryOp::And, true, _) => right,
        (BinaryOp::And, _, true) => left,
        (_, true, _) | (_, _, true) => FieldExpr::always(),
        _ => FieldExpr::Binary { op, position, left: Box::new(left), right: Box::new(right) },
    }
}

/// Deeper brackets than this are not looked into.
const DEPTH_MAX: u32 = 50;

impl Parser {
    /// Comparisons joined by `&&` and `||`, each of which may be unfinished.
    fn unfinished_chain(&mut self, depth: u32) -> FieldExpr {
        let mut left = self.unfinished_operand(depth);
        while let Some(op @ (BinaryOp::And | BinaryOp::Or)) = self.binary_op() {
            let position = self.position();
            self.advance();
            if self.count_operator().is_err() {
                self.skip_operand();
                return FieldExpr::always();
            }
            let right = self.unfinished_operand(depth);
            left = join(op, position, left, right);
        }
        left
    }

    fn unfinished_operand(&mut self, depth: u32) -> FieldExpr {
        let start = self.mark();
        let position = self.position();
        if let Ok(expression) = self.field(BinaryOp::Eq.precedence())
            && self.at_operand_end()
            && check_predicate(&expression, position).is_ok()
        {
            return without_bare_fields(expression);
        }
        self.rewind(start);
        if depth < DEPTH_MAX && self.eat("(") {
            let inner = self.unfinished_chain(depth + 1);
            if (self.eat(")") && self.at_operand_end()) || self.at_end() {
                return inner;
            }
            self.rewind(start);
        }
        self.skip_operand();
        FieldExpr::always()
    }

    fn at_operand_end(&self) -> bool {
        self.at_end() || matches!(self.sign(), Some("&&" | "||" | ")" | "}"))
    }

    /// Skips to the next connective or closing bracket at this level.
    fn skip_operand(&mut self) {
        let mut depth = 0u32;
        while !self.at_end() {
            match self.sign() {
                Some("(") => depth += 1,
                Some(")") if depth > 0 => depth -= 1,
                Some("&&" | "||" | ")" | "}") if depth == 0 => return,
                _ => {}
            }
            self.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kept: &str) {
        assert_eq!(parse_lenient(text).to_string(), kept, "{text}");
    }

    #[test]
    fn keeps_a_complete_query() {
        check("{ .a = 1 && .b = 2 }", ".a = 1 && .b = 2");
        check("{ .a = 1 } | rate() by (name)", ".a = 1");
        check("{ .a = 1 } | select(.b)", ".a = 1");
    }

    #[test]
    fn keeps_the_complete_comparisons_of_an_unfinished_query() {
        check("{ resource.service.name = \"api\" && name = }", "resource.service.name = \"api\"");
        check("{ .a = 1 && ", ".a = 1");
        check("{ .a = 1 && .b", ".a = 1");
        check("{ .a = 1 && .b }", ".a = 1");
        check("{ .a = 1 && name = \"unclo", ".a = 1");
        check("{ .a = && .b = 2 && .c =~ \"[\" }", ".b = 2");
        check("{ (.a = 1 && .b = ) && .c = 3 }", ".a = 1 && .c = 3");
        check("{ .a = 1 && (.b = 2 && .c", ".a = 1 && .b = 2");
        check("{.a=1&&status=", ".a = 1");
    }

    #[test]
    fn an_unfinished_alternative_narrows_nothing() {
        check("{ .a = 1 || .b = }", "true");
        check("{ .a = 1 || .b = && .c = 2 }", ".c = 2");
        check("{ !(.a = ) && .b = 1 }", ".b = 1");
    }

    #[test]
    fn what_cannot_be_understood_narrows_nothing() {
        for text in ["", "{", "{}", "}", "{ .a = 1 } && { .b = }", "hello", "{ && }", "{ ? }", "| x"] {
            check(text, "true");
        }
        check(&"(".repeat(10_000), "true");
        check(&format!("{{ .a = 1 {} .b = ", "|| .a = 1 && .a = 1 ".repeat(200)), "true");
        check(&format!("{{ {}", "(".repeat(10_000)), "true");
        check(&format!("{{ {}", ".a = 1 && ".repeat(12_000)), "true");
    }
}
