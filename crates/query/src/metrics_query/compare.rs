//! `compare()`: how often each value of each field occurs in a selection of spans and outside it.

mod rows;

use hashbrown::HashMap;
use throughline_lang::traceql::{FieldRef, Intrinsic};
use throughline_model::{Attributes, Value};

pub(super) use rows::RowComparer;

use super::grid::Grid;
use super::plan::CompareTask;
use super::series::{Series, float, nil};
use super::stored_field::typed;
use crate::FieldValue;
use crate::eval::selected;
use crate::trace::Trace;

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// Distinct values kept, over all fields.
const VALUES_MAX: usize = 500_000;
/// Fields that every span has.
const INTRINSICS: [Intrinsic; 4] =
    [Intrinsic::Name, Intrinsic::Kind, Intrinsic::Status, Intrinsic::StatusMessage];

/// Where a span belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Baseline,
    Selection,
}

/// Counts by interval; most values occur in few of them.
#[derive(Debug, Clone, Default)]
struct Counts(Vec<(u32, u64)>);

impl Counts {
    fn add(&mut self, interval: usize, count: u64) {
        let interval = u32::try_from(interval).unwrap_or(u32::MAX);
        match self.0.binary_search_by_key(&interval, |(have, _)| *have) {
            Ok(at) => self.0.iter_mut().skip(at).take(1).for_each(|(_, have)| *have += count),
            Err(at) => self.0.insert(at, (interval, count)),
        }
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    fn values(&self, points: usize) -> Vec<f64> {
        let mut values = vec![0.0; points];
        for (interval, count) in &self.0 {
            if let Some(value) = values.get_mut(*interval as usize) {
                *value = float(*count);
            }
        }
        values
    }
}

#[derive(Debug, Default)]
struct OneSide {
    values: Map<(&'static str, String), (FieldValue, Counts)>,
    total: Counts,
}

/// What was counted of each field.
#[derive(Debug, Default)]
pub(super) struct CompareTable {
    fields: Map<String, (OneSide, OneSide)>,
    values: usize,
    /// Values for which there was no room.
    pub(super) left_out: bool,
}

impl CompareTable {
    /// Counts a value of a field.
    pub(super) fn add(&mut self, field: &str, value: &FieldValue, side: Side, interval: usize, count: u64) {
        if matches!(value, FieldValue::Duration(_)) {
            return;
        }
        let sides = self.fields.entry_ref(field).or_default();
        let side = if side == Side::Baseline { &mut sides.0 } else { &mut sides.1 };
        side.total.add(interval, count);
        let key = (value.type_name(), value.text());
        if !side.values.contains_key(&key) {
            if self.values >= VALUES_MAX {
                self.left_out = true;
                return;
            }
            self.values += 1;
        }
        side.values.entry(key).or_insert_with(|| (value.clone(), Counts::default())).1.add(interval, count);
    }

    /// Counts everything that a span of a whole trace has.
    pub(super) fn add_span(&mut self, trace: &Trace, index: usize, side: Side, interval: usize) {
        let Some(span) = trace.spans.get(index) else { return };
        for intrinsic in INTRINSICS {
            let field = FieldRef::Intrinsic(intrinsic);
            if let Some(value) = selected(&field, trace, index).filter(|value| !is_empty(value)) {
                self.add(intrinsic.name(), &value, side, interval, 1);
            }
        }
        self.add_attributes("span", &span.attributes, side, interval);
        self.add_attributes("resource", &span.resource.attributes, side, interval);
    }

    fn add_attributes(&mut self, scope: &str, attributes: &Attributes, side: Side, interval: usize) {
        for (key, value) in attributes {
            if let Some(value) = attribute_value(value.clone()) {
                self.add(&format!("{scope}.{key}"), &value, side, interval, 1);
            }
        }
    }

    /// The most frequent values of each field on each side, and the totals.
    pub(super) fn series(self, task: &CompareTask, grid: Grid) -> Vec<Series> {
        let points = grid.points();
        let mut series = Vec::new();
        for (field, (baseline, selection)) in self.fields {
            for (side, counted) in [("baseline", baseline), ("selection", selection)] {
                let one = |side: &str, value: FieldValue, counts: &Counts| Series {
                    labels: vec![
                        ("__meta_type".to_owned(), FieldValue::Value(Value::from(side))),
                        (field.clone(), value),
                    ],
                    values: counts.values(points),
                    exemplars: Vec::new(),
                    spans: counts.total(),
                };
                if counted.values.is_empty() {
                    continue;
                }
                series.push(one(&format!("{side}_total"), nil(), &counted.total));
                let mut values: Vec<_> = counted.values.into_iter().collect();
                values.sort_by(|(a_key, (_, a)), (b_key, (_, b))| {
                    b.total().cmp(&a.total()).then_with(|| a_key.cmp(b_key))
                });
                let top = values.into_iter().take(task.top);
                series.extend(top.map(|(_, (value, counts))| one(side, value, &counts)));
            }
        }
        series
    }
}

impl CompareTask {
    /// Whether a span that starts then may be of the selection.
    fn in_window(&self, start_ns: i64) -> bool {
        self.window.is_none_or(|(start, end)| start <= start_ns && start_ns < end)
    }

    /// Where a span of a whole trace belongs.
    pub(super) fn side(&self, trace: &Trace, index: usize) -> Side {
        let start_ns = trace.spans.get(index).map_or(i64::MIN, |span| span.start_ns);
        let selected = self.in_window(start_ns) && self.selection.holds(trace, index);
        if selected { Side::Selection } else { Side::Baseline }
    }
}

fn is_empty(value: &FieldValue) -> bool {
    matches!(value, FieldValue::Value(Value::String(text)) if text.is_empty())
}

/// Values that can be told apart by their text; nulls, bytes and maps are not compared.
fn attribute_value(value: Value) -> Option<FieldValue> {
    if matches!(value, Value::Bytes(_) | Value::Map(_)) {
        return None;
    }
    typed(&FieldRef::Intrinsic(Intrinsic::Name), value)
}
