//! Groups of spans and what is counted of each in each interval.

use hashbrown::HashMap;
use throughline_model::{SpanId, TraceId};

use super::log_histogram::{Bucket, SLOTS, bucket_of_float, bucket_of_int, slot};
use super::plan::Function;
use crate::FieldValue;

/// The most cells (intervals of groups, and of their buckets) that a query may fill.
const CELLS_MAX: usize = 8_000_000;
/// What a group costs besides, in cells: its values, its place in the index, its list of buckets.
const GROUP_CELLS: usize = 32;
const BUCKETS_CELLS: usize = 2 * SLOTS;
/// The most exemplars a group keeps.
const EXEMPLARS_PER_GROUP: usize = 10;

/// The number that a span adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    #[allow(clippy::cast_precision_loss, reason = "samples are doubles")]
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    pub(super) fn bucket(self) -> Option<Bucket> {
        match self {
            Self::Int(number) => bucket_of_int(number),
            Self::Float(number) => bucket_of_float(number),
        }
    }
}

/// A span to look at for a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub(super) trace_id: TraceId,
    pub(super) span_id: Option<SpanId>,
    pub(super) start_ns: i64,
    pub(super) number: Option<Number>,
}

/// What is kept of a group.
#[derive(Debug)]
pub(super) struct Group {
    /// A value for each field grouped by; `None` for those that the spans lack.
    pub(super) values: Vec<Option<FieldValue>>,
    pub(super) cells: Cells,
    pub(super) spans: u64,
    pub(super) exemplars: Vec<Seen>,
}

/// One cell an interval.
#[derive(Debug)]
pub(super) enum Cells {
    Counts(Vec<u64>),
    /// The sum or the extreme of the numbers, and how many there were.
    Numbers(Vec<(f64, u64)>),
    /// Counts by bucket; buckets that nothing fell into have no counts.
    Buckets(Vec<Option<Box<[u64]>>>),
}

/// Groups, found by their values.
#[derive(Debug)]
pub(super) struct SeriesTable {
    kind: Kind,
    points: usize,
    cells: usize,
    cells_max: usize,
    index: HashMap<String, Option<u32>, ahash::RandomState>,
    pub(super) groups: Vec<Group>,
    /// Spans of groups for which there was no room.
    pub(super) left_out: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counts,
    Min,
    Max,
    Sum,
    Buckets,
}

impl SeriesTable {
    pub(super) fn new(function: &Function, points: usize) -> Self {
        let kind = match function {
            Function::Rate | Function::Count => Kind::Counts,
            Function::Min => Kind::Min,
            Function::Max => Kind::Max,
            Function::Sum | Function::Average => Kind::Sum,
            Function::Quantiles(_) | Function::Histogram => Kind::Buckets,
        };
        let index = HashMap::default();
        Self { kind, points, cells: 0, cells_max: CELLS_MAX, index, groups: Vec::new(), left_out: false }
    }

    /// The group with these values, a new one unless there is no room for it.
    pub(super) fn group(&mut self, values: &[Option<FieldValue>]) -> Option<u32> {
        let key = key(values);
        if let Some(group) = self.index.get(&key) {
            self.left_out |= group.is_none();
            return *group;
        }
        let cost = match self.kind {
            Kind::Counts => self.points,
            Kind::Min | Kind::Max | Kind::Sum => 2 * self.points,
            Kind::Buckets => BUCKETS_CELLS,
        };
        let room = self.room_for(GROUP_CELLS + cost);
        let group = room.then(|| u32::try_from(self.groups.len()).ok()).flatten();
        match group {
            None => self.left_out = true,
            Some(_) => {
                let cells = match self.kind {
                    Kind::Counts => Cells::Counts(vec![0; self.points]),
                    Kind::Min | Kind::Max | Kind::Sum => Cells::Numbers(vec![(0.0, 0); self.points]),
                    Kind::Buckets => Cells::Buckets(vec![None; SLOTS]),
                };
                self.groups.push(Group { values: values.to_vec(), cells, spans: 0, exemplars: Vec::new() });
                self.index.insert(key, group);
            }
        }
        group
    }

    fn room_for(&mut self, cells: usize) -> bool {
        let room = self.cells.saturating_add(cells) <= self.cells_max;
        self.cells += if room { cells } else { 0 };
        room
    }

    /// Counts a span.
    pub(super) fn add(&mut self, group: u32, interval: usize, number: Option<Number>) {
        let (kind, points) = (self.kind, self.points);
        let Some(group) = self.groups.get_mut(group as usize) else { return };
        match &mut group.cells {
            Cells::Counts(counts) => {
                if let Some(count) = counts.get_mut(interval) {
                    *count += 1;
                    group.spans += 1;
                }
            }
            Cells::Numbers(numbers) => {
                let number = number.map(Number::as_f64).filter(|number| !number.is_nan());
                if let (Some(cell), Some(number)) = (numbers.get_mut(interval), number) {
                    cell.0 = match kind {
                        _ if cell.1 == 0 => number,
                        Kind::Min => cell.0.min(number),
                        Kind::Max => cell.0.max(number),
                        _ => cell.0 + number,
                    };
                    cell.1 += 1;
                    group.spans += 1;
                }
            }
            Cells::Buckets(buckets) => {
                let Some(bucket) = number.and_then(Number::bucket) else { return };
                let Some(counts) = buckets.get_mut(slot(bucket)) else { return };
                if counts.is_none() && self.cells.saturating_add(points) > self.cells_max {
                    self.left_out = true;
                    return;
                }
                let counts = counts.get_or_insert_with(|| {
                    self.cells += points;
                    vec![0; points].into_boxed_slice()
                });
                if let Some(count) = counts.get_mut(interval) {
                    *count += 1;
                    group.spans += 1;
                }
            }
        }
    }

    /// The intervals for which any group has spans, ascending.
    pub(super) fn busy_intervals(&self) -> Vec<usize> {
        let mut busy = vec![false; self.points];
        let mut mark = |counts: &mut dyn Iterator<Item = bool>| {
            busy.iter_mut().zip(counts).for_each(|(busy, any)| *busy |= any);
        };
        for group in &self.groups {
            match &group.cells {
                Cells::Counts(counts) => mark(&mut counts.iter().map(|count| *count > 0)),
                Cells::Numbers(numbers) => mark(&mut numbers.iter().map(|(_, count)| *count > 0)),
                Cells::Buckets(buckets) => {
                    for counts in buckets.iter().flatten() {
                        mark(&mut counts.iter().map(|count| *count > 0));
                    }
                }
            }
        }
        busy.iter().enumerate().filter(|(_, busy)| **busy).map(|(index, _)| index).collect()
    }

    /// Remembers a span to look at; whether it was kept.
    pub(super) fn add_exemplar(&mut self, group: u32, seen: Seen) -> bool {
        let Some(group) = self.groups.get_mut(group as usize) else { return false };
        let useful = match group.cells {
            Cells::Counts(_) => true,
            Cells::Numbers(_) => seen.number.is_some(),
            Cells::Buckets(_) => seen.number.is_some_and(|number| number.bucket().is_some()),
        };
        let keep = useful && group.exemplars.len() < EXEMPLARS_PER_GROUP;
        if keep {
            group.exemplars.push(seen);
        }
        keep
    }

    #[cfg(test)]
    pub(super) fn with_cells_max(mut self, cells_max: usize) -> Self {
        self.cells_max = cells_max;
        self
    }
}

/// Text that differs when values do.
fn key(values: &[Option<FieldValue>]) -> String {
    let mut key = String::new();
    for value in values {
        match value {
            None => key.push_str("-;"),
            Some(value) => {
                let text = value.text();
                key.push_str(value.type_name());
                key.push_str(&text.len().to_string());
                key.push(':');
                key.push_str(&text);
            }
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use throughline_model::Value;

    fn text(value: &str) -> Vec<Option<FieldValue>> {
        vec![Some(FieldValue::Value(Value::from(value)))]
    }

    #[test]
    fn values_of_other_types_are_other_groups() {
        let mut table = SeriesTable::new(&Function::Count, 2);
        let one = [Value::from("1"), Value::Int(1), Value::Double(1.0)];
        let groups: Vec<_> = one.map(|value| table.group(&[Some(FieldValue::Value(value))])).into();
        assert_eq!(groups, [Some(0), Some(1), Some(2)]);
        assert_eq!(table.group(&[None]), Some(3));
        assert_eq!(table.group(&text("1")), Some(0));
    }

    #[test]
    fn groups_beyond_the_room_are_left_out() {
        let mut table = SeriesTable::new(&Function::Count, 2).with_cells_max(2 * (GROUP_CELLS + 2));
        assert_eq!(
            ["a", "b", "c", "a"].map(|name| table.group(&text(name))),
            [Some(0), Some(1), None, Some(0)]
        );
        assert!(table.left_out);
    }
}
