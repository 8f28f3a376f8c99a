//! Generators of TraceQL syntax trees, of every shape that a parser can give.

use proptest::prelude::*;
use throughline_lang::traceql::{
    Aggregate, AggregateFunction, Attribute, AttributeScope, BinaryOp, FieldExpr, FieldRef, Hint, Intrinsic,
    Kind, Literal, MetricsExpr, MetricsFunction, MetricsPipeline, Pipeline, Position, Query, QueryBody,
    ScalarExpr, ScalarFilter, SecondStage, SpansetExpr, SpansetFilter, SpansetOp, Stage, Status, UnaryOp,
};

const HERE: Position = Position(0);

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9._/-]{0,8}".prop_map(|name| name),
        "[ -~äµ\t\n]{0,6}",
        Just("span.x".to_owned()),
        Just("5".to_owned())
    ]
}

fn attribute() -> impl Strategy<Value = Attribute> {
    let scope = prop::sample::select(vec![
        AttributeScope::Any,
        AttributeScope::Span,
        AttributeScope::Resource,
        AttributeScope::Event,
        AttributeScope::Link,
        AttributeScope::Instrumentation,
    ]);
    let set = (scope, name(), any::<bool>()).prop_map(|(scope, name, parent)| {
        let parent =
            parent && matches!(scope, AttributeScope::Any | AttributeScope::Span | AttributeScope::Resource);
        FieldRef::Attribute { scope, parent, name }
    });
    let intrinsic = prop::sample::select(Intrinsic::ALL.to_vec()).prop_map(FieldRef::Intrinsic);
    prop_oneof![set, intrinsic].prop_map(|field| Attribute { field, position: HERE })
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        "[ -~ä\n\t]{0,6}".prop_map(Literal::String),
        (0..i64::MAX).prop_map(Literal::Int),
        Just(Literal::Int(i64::MIN)),
        (0.0..1e20f64).prop_map(Literal::Float),
        any::<bool>().prop_map(Literal::Bool),
        (0..i64::MAX).prop_map(Literal::Duration),
        prop::sample::select(Status::ALL.to_vec()).prop_map(Literal::Status),
        prop::sample::select(Kind::ALL.to_vec()).prop_map(Literal::Kind),
    ]
}

fn number() -> impl Strategy<Value = Literal> {
    prop_oneof![(-100i64..100).prop_map(Literal::Int), (-10.0..10.0f64).prop_map(Literal::Float)]
}

pub(crate) fn field() -> impl Strategy<Value = FieldExpr> {
    let leaf =
        prop_oneof![literal().prop_map(FieldExpr::Literal), attribute().prop_map(FieldExpr::Attribute)];
    leaf.prop_recursive(5, 24, 2, |inner| {
        let unary = prop::sample::select(vec![UnaryOp::Negate, UnaryOp::Not]);
        let binary = prop::sample::select(BinaryOp::ALL.to_vec());
        prop_oneof![
            (unary, inner.clone()).prop_map(|(op, operand)| FieldExpr::Unary {
                op,
                position: HERE,
                operand: Box::new(operand)
            }),
            (any::<bool>(), inner.clone()).prop_map(|(negated, operand)| FieldExpr::Exists {
                negated,
                position: HERE,
                operand: Box::new(operand)
            }),
            (binary, inner.clone(), inner).prop_map(|(op, left, right)| FieldExpr::Binary {
                op,
                position: HERE,
                left: Box::new(left),
                right: Box::new(right)
            }),
        ]
    })
}

fn filter() -> impl Strategy<Value = SpansetFilter> {
    field().prop_map(|predicate| SpansetFilter { predicate: Box::new(predicate), position: HERE })
}

fn joined(leaf: impl Strategy<Value = SpansetExpr> + 'static) -> BoxedStrategy<SpansetExpr> {
    let operators: Vec<SpansetOp> = SpansetOp::all().collect();
    leaf.prop_recursive(3, 8, 2, move |inner| {
        (prop::sample::select(operators.clone()), inner.clone(), inner).prop_map(|(op, left, right)| {
            SpansetExpr::Operation { op, position: HERE, left: Box::new(left), right: Box::new(right) }
        })
    })
    .boxed()
}

fn spansets() -> BoxedStrategy<SpansetExpr> {
    joined(filter().prop_map(SpansetExpr::Filter))
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    (prop::sample::select(AggregateFunction::ALL.to_vec()), field()).prop_map(|(function, operand)| {
        Aggregate {
            function,
            operand: (function != AggregateFunction::Count).then(|| Box::new(operand)),
            position: HERE,
        }
    })
}

/// Scalars with an aggregate on the left of every operator, so that nothing folds.
fn scalar() -> impl Strategy<Value = ScalarExpr> {
    let operators: Vec<BinaryOp> = BinaryOp::ALL.into_iter().filter(|op| op.is_arithmetic()).collect();
    let leaf = aggregate().prop_map(ScalarExpr::Aggregate);
    leaf.prop_recursive(3, 6, 2, move |inner| {
        let right = prop_oneof![inner.clone(), number().prop_map(ScalarExpr::Literal)];
        (prop::sample::select(operators.clone()), inner, right).prop_map(|(op, left, right)| {
            ScalarExpr::Operation { op, position: HERE, left: Box::new(left), right: Box::new(right) }
        })
    })
}

fn comparison() -> impl Strategy<Value = BinaryOp> {
    prop::sample::select(vec![
        BinaryOp::Eq,
        BinaryOp::Ne,
        BinaryOp::Lt,
        BinaryOp::Le,
        BinaryOp::Gt,
        BinaryOp::Ge,
    ])
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        spansets().prop_map(Stage::Spansets),
        (comparison(), scalar(), number()).prop_map(|(op, left, right)| {
            let right = ScalarExpr::Literal(right);
            Stage::Filter(Box::new(ScalarFilter { op, position: HERE, left, right }))
        }),
        field().prop_map(|by| Stage::Group { by: Box::new(by), position: HERE }),
        prop::collection::vec(attribute(), 1..3)
            .prop_map(|attributes| Stage::Select { attributes, position: HERE }),
    ]
}

fn pipeline() -> impl Strategy<Value = Pipeline> {
    let later = prop_oneof![4 => stage(), 1 => Just(Stage::Coalesce { position: HERE })];
    (stage(), prop::collection::vec(later, 0..3))
        .prop_map(|(first, later)| Pipeline { stages: std::iter::once(first).chain(later).collect() })
}

fn pipelines() -> impl Strategy<Value = Pipeline> {
    let leaf = (pipeline(), stage()).prop_map(|(mut pipeline, stage)| {
        pipeline.stages.push(stage);
        SpansetExpr::Pipeline(Box::new(pipeline))
    });
    joined(leaf).prop_map(|expression| Pipeline { stages: vec![Stage::Spansets(expression)] })
}

fn second_stages() -> impl Strategy<Value = Vec<SecondStage>> {
    let stage = prop_oneof![
        (0i64..9).prop_map(|limit| SecondStage::TopK { limit, position: HERE }),
        (0i64..9).prop_map(|limit| SecondStage::BottomK { limit, position: HERE }),
        (comparison(), number()).prop_map(|(op, value)| SecondStage::Filter { op, value, position: HERE }),
    ];
    prop::collection::vec(stage, 0..3)
}

fn function() -> impl Strategy<Value = MetricsFunction> {
    prop_oneof![
        Just(MetricsFunction::Rate),
        Just(MetricsFunction::CountOverTime),
        attribute().prop_map(MetricsFunction::MinOverTime),
        attribute().prop_map(MetricsFunction::AvgOverTime),
        (attribute(), prop::collection::vec(0.0..1.0f64, 1..3))
            .prop_map(|(attribute, quantiles)| MetricsFunction::QuantileOverTime(attribute, quantiles)),
        (filter(), 1i64..20, prop::option::of((1i64..9, 9i64..99)))
            .prop_map(|(selection, top, window)| MetricsFunction::Compare { selection, top, window }),
    ]
}

fn series() -> impl Strategy<Value = MetricsPipeline> {
    (pipeline(), function(), prop::collection::vec(attribute(), 0..3), second_stages()).prop_map(
        |(spansets, function, by, stages)| {
            let by = match function {
                MetricsFunction::Compare { .. } => Vec::new(),
                _ => by,
            };
            MetricsPipeline { spansets, function, by, position: HERE, stages }
        },
    )
}

fn metrics() -> impl Strategy<Value = MetricsExpr> {
    let operators = vec![BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Div];
    let leaf = series().prop_map(|pipeline| MetricsExpr::Series(Box::new(pipeline)));
    let tree = leaf.prop_recursive(2, 4, 2, move |inner| {
        let op = prop::sample::select(operators.clone());
        prop_oneof![
            (op.clone(), inner.clone(), inner.clone()).prop_map(|(op, left, right)| {
                let (left, right) = (Box::new(left), Box::new(right));
                MetricsExpr::Operation { op, position: HERE, left, right }
            }),
            (op, number(), any::<bool>(), inner).prop_map(|(op, number, number_first, operand)| {
                let operand = Box::new(operand);
                MetricsExpr::Scale { op, position: HERE, number, number_first, operand }
            }),
        ]
    });
    (tree, second_stages()).prop_map(|(operand, stages)| match stages.is_empty() {
        true => operand,
        false => MetricsExpr::Staged { operand: Box::new(operand), stages },
    })
}

pub(crate) fn query() -> impl Strategy<Value = Query> {
    let hint = ("[a-z]{3,6}_hint", literal()).prop_map(|(name, value)| Hint { name, value, position: HERE });
    let body = prop_oneof![
        3 => pipeline().prop_map(QueryBody::Spansets),
        1 => pipelines().prop_map(QueryBody::Spansets),
        3 => metrics().prop_map(QueryBody::Metrics),
    ];
    (body, prop::collection::vec(hint, 0..2)).prop_map(|(body, hints)| Query { body, hints })
}
