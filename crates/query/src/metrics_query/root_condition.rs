//! Conditions on `nestedSetParent` that only ask for a root, said as "has no parent", which a span
//! tells without the rest of its trace.

use throughline_lang::traceql::{
    Attribute, BinaryOp, FieldExpr, FieldRef, Intrinsic, Literal, Pipeline, SpansetExpr, Stage, UnaryOp,
};

/// Rewrites every condition of the pipeline where that can be done.
pub(super) fn rewrite(pipeline: &mut Pipeline) {
    for stage in &mut pipeline.stages {
        if let Stage::Spansets(expression) = stage {
            rewrite_spansets(expression);
        }
    }
}

fn rewrite_spansets(expression: &mut SpansetExpr) {
    match expression {
        SpansetExpr::Filter(filter) => rewrite_predicate(&mut filter.predicate),
        SpansetExpr::Operation { left, right, .. } => {
            rewrite_spansets(left);
            rewrite_spansets(right);
        }
        SpansetExpr::Pipeline(pipeline) => rewrite(pipeline),
    }
}

/// Rewrites the conditions of one predicate.
pub(super) fn rewrite_predicate(expression: &mut FieldExpr) {
    let is_root = match expression {
        FieldExpr::Unary { operand, .. } => {
            rewrite_predicate(operand);
            None
        }
        FieldExpr::Binary { op, left, right, .. } => {
            let is_root = asks_for_root(*op, left, right);
            if is_root.is_none() {
                rewrite_predicate(left);
                rewrite_predicate(right);
            }
            is_root
        }
        FieldExpr::Literal(_) | FieldExpr::Attribute(_) | FieldExpr::Exists { .. } => None,
    };
    if let (Some(negated), FieldExpr::Binary { position, .. }) = (is_root, &*expression) {
        let position = *position;
        let parent = Attribute::intrinsic(Intrinsic::ParentId, position);
        *expression =
            FieldExpr::Exists { negated, position, operand: Box::new(FieldExpr::Attribute(parent)) };
    }
}

/// Whether a comparison holds for roots alone (true) or for all others (false). The field is -1
/// for roots, 0 for spans whose parent is missing, and more for others.
fn asks_for_root(op: BinaryOp, left: &FieldExpr, right: &FieldExpr) -> Option<bool> {
    let is_field = matches!(
        left,
        FieldExpr::Attribute(Attribute { field: FieldRef::Intrinsic(Intrinsic::NestedSetParent), .. })
    );
    if !is_field {
        return None;
    }
    match (op, whole(right)?) {
        (BinaryOp::Lt, 0) | (BinaryOp::Le | BinaryOp::Eq, -1) => Some(true),
        (BinaryOp::Ge, 0) | (BinaryOp::Gt | BinaryOp::Ne, -1) => Some(false),
        _ => None,
    }
}

fn whole(expression: &FieldExpr) -> Option<i64> {
    match expression {
        FieldExpr::Literal(Literal::Int(number)) => Some(*number),
        FieldExpr::Unary { op: UnaryOp::Negate, operand, .. } => whole(operand)?.checked_neg(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_lang::traceql::{QueryBody, compile};

    fn rewritten(text: &str) -> String {
        let QueryBody::Spansets(mut pipeline) = compile(text).unwrap().body else { panic!("{text}") };
        rewrite(&mut pipeline);
        pipeline.to_string()
    }

    #[test]
    fn a_root_is_a_span_without_parent() {
        let root = "{ span:parentID = nil }";
        for condition in ["nestedSetParent < 0", "nestedSetParent = -1", "nestedSetParent <= -1"] {
            assert_eq!(rewritten(&format!("{{ {condition} }}")), root, "{condition}");
        }
        assert_eq!(rewritten("{ nestedSetParent >= 0 }"), "{ span:parentID != nil }");
        assert_eq!(rewritten("{ nestedSetParent > 5 }"), "{ nestedSetParent > 5 }");
    }
}
