//! Aggregates over a spanset, and filters on them.

use throughline_lang::traceql::{
    Aggregate, AggregateFunction, BinaryOp, FieldRef, Literal, ScalarExpr, ScalarFilter,
};
use throughline_model::Value;

use super::Spanset;
use crate::eval::compile::{Node, compile};
use crate::eval::datum::Datum;
use crate::eval::number::{compare, number};
use crate::eval::values::computed;
use crate::trace::Trace;
use crate::{Error, FieldValue, Result};

/// `aggregate op number`.
#[derive(Debug, Clone)]
pub(super) struct ScalarTest {
    function: AggregateFunction,
    operand: Option<Node>,
    name: String,
    op: BinaryOp,
    bound: Literal,
}

impl ScalarTest {
    pub(super) fn of(filter: &ScalarFilter) -> Result<Self> {
        let (ScalarExpr::Aggregate(aggregate), ScalarExpr::Literal(bound)) = (&filter.left, &filter.right)
        else {
            return Err(Error::unsupported("arithmetic with aggregates", filter.position));
        };
        let Aggregate { function, operand, .. } = aggregate;
        let operand = operand.as_deref().map(compile).transpose()?;
        Ok(Self {
            function: *function,
            operand,
            name: aggregate.to_string(),
            op: filter.op,
            bound: bound.clone(),
        })
    }

    pub(super) fn for_each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a FieldRef)) {
        if let Some(operand) = &self.operand {
            operand.for_each_field(true, visit);
        }
    }

    /// The spanset with the aggregate added, if the comparison holds.
    pub(super) fn keep(&self, trace: &Trace, mut spanset: Spanset) -> Option<Spanset> {
        let value = self.aggregate(trace, &spanset.spans)?;
        let datum = match &value {
            FieldValue::Value(value) => Datum::of(value),
            FieldValue::Duration(nanos) => Datum::Duration(*nanos),
            FieldValue::Status(_) | FieldValue::Kind(_) => return None,
        };
        if !compare(self.op, &datum, &Datum::of_literal(&self.bound)) {
            return None;
        }
        spanset.attributes.push((self.name.clone(), value));
        Some(spanset)
    }

    /// `None` when no span has a number to aggregate.
    fn aggregate(&self, trace: &Trace, spans: &[usize]) -> Option<FieldValue> {
        let Some(operand) = &self.operand else {
            let count = i64::try_from(spans.len()).unwrap_or(i64::MAX);
            return Some(FieldValue::Value(Value::Int(count)));
        };
        let mut total = Total::default();
        for span in spans {
            let value = computed(operand, trace, *span);
            if let Some(number) = number(&value) {
                total.add(number, &value);
            }
        }
        total.result(self.function)
    }
}

/// What aggregates are computed from.
#[derive(Debug, Default)]
struct Total {
    count: u32,
    sum: f64,
    /// Exact, as long as every value is whole and the sum fits.
    whole: Option<i64>,
    least: f64,
    most: f64,
    durations: bool,
}

impl Total {
    fn add(&mut self, number: f64, value: &Datum<'_>) {
        let whole = match value {
            Datum::Int(whole) | Datum::Duration(whole) => Some(*whole),
            _ => None,
        };
        if self.count == 0 {
            self.whole = Some(0);
            (self.least, self.most) = (number, number);
            self.durations = true;
        }
        self.count = self.count.saturating_add(1);
        self.sum += number;
        self.whole = self.whole.zip(whole).and_then(|(sum, whole)| sum.checked_add(whole));
        self.least = self.least.min(number);
        self.most = self.most.max(number);
        self.durations &= matches!(value, Datum::Duration(_));
    }

    fn result(&self, function: AggregateFunction) -> Option<FieldValue> {
        if self.count == 0 {
            return None;
        }
        let (number, whole) = match function {
            AggregateFunction::Count => (f64::from(self.count), false),
            AggregateFunction::Min => (self.least, self.whole.is_some()),
            AggregateFunction::Max => (self.most, self.whole.is_some()),
            AggregateFunction::Avg => (self.sum / f64::from(self.count), false),
            AggregateFunction::Sum => match self.whole {
                Some(sum) if self.durations => return Some(FieldValue::Duration(sum)),
                Some(sum) => return Some(FieldValue::Value(Value::Int(sum))),
                None => (self.sum, false),
            },
        };
        #[allow(clippy::cast_possible_truncation, reason = "nanoseconds within the integers' range")]
        let rounded = number.round() as i64;
        Some(match (self.durations, whole) {
            (true, _) => FieldValue::Duration(rounded),
            (false, true) => FieldValue::Value(Value::Int(rounded)),
            (false, false) => FieldValue::Value(Value::Double(number)),
        })
    }
}
