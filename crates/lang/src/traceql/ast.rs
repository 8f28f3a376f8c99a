//! The syntax tree, one file a family: fields, literals, expressions over one span, spansets,
//! scalars, metrics, and the whole query.

mod attribute;
mod field;
mod literal;
mod metrics;
mod query;
mod scalar;
mod spanset;

pub use attribute::{Attribute, AttributeScope, FieldRef, Intrinsic};
pub use field::{BinaryOp, FieldExpr, UnaryOp};
pub use literal::{Kind, Literal, Status};
pub use metrics::{MetricsExpr, MetricsFunction, MetricsPipeline, SecondStage};
pub use query::{Hint, Query, QueryBody};
pub use scalar::{Aggregate, AggregateFunction, ScalarExpr, ScalarFilter};
pub use spanset::{Pipeline, Relation, SpansetExpr, SpansetFilter, SpansetOp, Stage, StructuralMode};
