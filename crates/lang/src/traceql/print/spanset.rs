//! Spansets and pipelines.

use std::fmt::{self, Display, Formatter};

use super::super::{Pipeline, SpansetExpr, SpansetFilter, Stage};
use super::{bracketed, list};

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, stage) in self.stages.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            stage.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spansets(expression) => expression.fmt(f),
            Self::Filter(filter) => filter.fmt(f),
            Self::Group { by, .. } => write!(f, "by({by})"),
            Self::Coalesce { .. } => f.write_str("coalesce()"),
            Self::Select { attributes, .. } => {
                f.write_str("select(")?;
                list(f, attributes)?;
                f.write_str(")")
            }
        }
    }
}

impl Display for SpansetFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{ {} }}", self.predicate)
    }
}

impl Display for SpansetExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(f, self, has_pipeline(self))
    }
}

/// Where one operand is a bracketed pipeline, the others need brackets too.
fn print(f: &mut Formatter<'_>, expression: &SpansetExpr, wrap: bool) -> fmt::Result {
    match expression {
        SpansetExpr::Filter(filter) => bracketed(f, wrap, filter),
        SpansetExpr::Pipeline(pipeline) => write!(f, "({pipeline})"),
        SpansetExpr::Operation { op, left, right, .. } => {
            let binds = op.precedence();
            print_operand(f, left, precedence(left) < binds, wrap)?;
            write!(f, " {} ", op.sign())?;
            print_operand(f, right, precedence(right) <= binds, wrap)
        }
    }
}

fn print_operand(f: &mut Formatter<'_>, expression: &SpansetExpr, brackets: bool, wrap: bool) -> fmt::Result {
    if brackets {
        f.write_str("(")?;
    }
    print(f, expression, wrap)?;
    if brackets { f.write_str(")") } else { Ok(()) }
}

fn precedence(expression: &SpansetExpr) -> u8 {
    match expression {
        SpansetExpr::Operation { op, .. } => op.precedence(),
        _ => u8::MAX,
    }
}

fn has_pipeline(expression: &SpansetExpr) -> bool {
    match expression {
        SpansetExpr::Filter(_) => false,
        SpansetExpr::Pipeline(_) => true,
        SpansetExpr::Operation { left, right, .. } => has_pipeline(left) || has_pipeline(right),
    }
}
