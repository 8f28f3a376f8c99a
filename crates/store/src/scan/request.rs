//! What a caller asks of the store: one table, one time range, a filter, and how much of the
//! answer in which order. Plain serialisable values, so that a request can run elsewhere.

use super::filter::{Field, Filter};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use throughline_model::{Signal, Tenant, schema};

/// A request does not make sense, or is over a bound; the message says what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRequest(String);

impl InvalidRequest {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl From<InvalidRequest> for crate::Error {
    fn from(error: InvalidRequest) -> Self {
        Self::invalid(error.0)
    }
}

/// A scan over one table of one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanRequest {
    /// Whose rows.
    pub tenant: Tenant,
    /// Which table.
    pub table: Signal,
    /// Which time, on the table's time column (`start_ns` of spans, `time_ns` of the others).
    pub time: TimeRange,
    /// Which rows.
    pub filter: Filter,
    /// Which columns the batches have.
    pub columns: Columns,
    /// In which order the rows come.
    pub order: Order,
    /// How many of them.
    pub limit: Limit,
    /// How much work the scan may do.
    pub budget: Budget,
}

/// Nanoseconds since the epoch: from `start_ns`, up to but not including `end_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// First nanosecond in the range.
    pub start_ns: i64,
    /// First nanosecond after the range.
    pub end_ns: i64,
}

/// Which columns the batches of an answer have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Columns {
    /// All that the rows have.
    All,
    /// These, where the rows have them: attribute columns (`a.<key>`) differ between batches, and a
    /// column that a batch has no values for is left out. [`Columns::add`] names what a field needs.
    Named(Vec<String>),
}

/// The order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// As they come; live rows and files in no promised order.
    Unordered,
    /// Latest time first; ties by trace id and span id ascending, where the table has them.
    NewestFirst,
}

/// How many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Limit {
    /// All.
    None,
    /// The first so many in order (any so many when unordered).
    Rows(usize),
    /// The longest beginning of the newest-first order that holds rows of at most so many traces.
    /// Needs [`Order::NewestFirst`] and a table with trace ids.
    Traces(usize),
}

/// What a scan may spend. Going over one is an error of kind `LimitExceeded` that names it; rows
/// sent until then were right. `None` is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Budget {
    /// Time from the call to the end of the scan.
    pub deadline: Option<Duration>,
    /// Rows looked at (not rows returned).
    pub rows_max: Option<u64>,
    /// Bytes looked at: of column chunks as stored, and of live columns in memory.
    pub bytes_max: Option<u64>,
}

impl ScanRequest {
    /// Everything in `table`, unordered, unlimited.
    #[must_use]
    pub fn new(tenant: Tenant, table: Signal) -> Self {
        Self {
            tenant,
            table,
            time: TimeRange::ALL,
            filter: Filter::All,
            columns: Columns::All,
            order: Order::Unordered,
            limit: Limit::None,
            budget: Budget::default(),
        }
    }

    /// Checks everything that can be checked before the scan starts.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn validate(&self) -> Result<(), InvalidRequest> {
        self.filter.validate()?;
        let mut unknown = None;
        self.filter.for_each_field(&mut |field| {
            if let Field::Column(name) = field
                && !is_fixed_column(self.table, name)
            {
                unknown.get_or_insert(name.as_str());
            }
        });
        if let Some(name) = unknown {
            return Err(InvalidRequest::new(format!("{} have no column {name:?}", self.table.items())));
        }
        if matches!(self.limit, Limit::Traces(_)) {
            if self.order != Order::NewestFirst {
                return Err(InvalidRequest::new("a limit on traces needs the newest-first order"));
            }
            if self.table == Signal::Metrics {
                return Err(InvalidRequest::new("metric points have no trace to limit by"));
            }
        }
        if self.time.start_ns > self.time.end_ns {
            return Err(InvalidRequest::new("the time range ends before it starts"));
        }
        Ok(())
    }
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { start_ns: i64::MIN, end_ns: i64::MAX };

    /// From `start_ns` up to but not including `end_ns`.
    #[must_use]
    pub fn new(start_ns: i64, end_ns: i64) -> Self {
        Self { start_ns, end_ns }
    }

    /// Whether a time is in the range.
    #[must_use]
    pub fn contains(&self, time_ns: i64) -> bool {
        self.start_ns <= time_ns && (time_ns < self.end_ns || self.end_ns == i64::MAX)
    }

    /// Whether some time from `min_ns` to `max_ns`, both included, is in the range.
    #[must_use]
    pub fn overlaps(&self, min_ns: i64, max_ns: i64) -> bool {
        max_ns >= self.start_ns && (min_ns < self.end_ns || self.end_ns == i64::MAX)
    }

    /// Whether all times from `min_ns` to `max_ns`, both included, are in the range.
    #[must_use]
    pub fn covers(&self, min_ns: i64, max_ns: i64) -> bool {
        self.contains(min_ns) && self.contains(max_ns)
    }
}

impl Columns {
    /// No column; to be filled with [`add`](Self::add) and [`add_column`](Self::add_column).
    #[must_use]
    pub fn none() -> Self {
        Self::Named(Vec::new())
    }

    /// These columns.
    #[must_use]
    pub fn named(names: &[&str]) -> Self {
        Self::Named(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Adds a column by its name.
    pub fn add_column(&mut self, name: &str) {
        if let Self::Named(names) = self
            && !names.iter().any(|have| have == name)
        {
            names.push(name.to_owned());
        }
    }

    /// Adds what is needed to read a field of a row.
    pub fn add(&mut self, field: &Field) {
        field.for_each_column(&mut |name| self.add_column(name));
    }

    /// Whether the column is wanted.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|have| have == name),
        }
    }
}

/// Whether the table has a fixed column of this name (not an attribute column).
fn is_fixed_column(table: Signal, name: &str) -> bool {
    schema::fixed_field(table, name).is_some()
}
