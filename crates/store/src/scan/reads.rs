//! What a store can be asked.

use super::filter::{AttributeScope, Field, Filter};
use super::job::Job;
use super::meter::Meter;
use super::request::{Budget, Columns, ScanRequest, TimeRange};
use super::stream::ScanStream;
use super::summaries::TraceSummary;
use super::traces::Lookup;
use super::{attribute_keys, attribute_values};
use crate::Error;
use crate::store::Store;
use arrow::array::RecordBatch;
use futures::FutureExt;
use throughline_model::{Signal, Tenant, TraceId, Value, schema};

impl Store {
    /// Starts a scan; it runs while its stream is read, and is cancelled by dropping the stream.
    ///
    /// Spans that were sent twice come once where the order is newest first; unordered they may come
    /// twice until compaction has joined them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for a request that makes no sense. The stream itself ends with an error of kind
    /// `LimitExceeded` (over budget), `Unavailable` or `Internal`.
    pub fn scan(&self, request: ScanRequest) -> Result<ScanStream, Error> {
        let meter = Meter::new(request.budget);
        let place = self.scans().place(&meter).boxed();
        Ok(ScanStream::new(self.job(request, meter)?, place))
    }

    /// All rows of these traces, each span once. A time hint leaves out segments without rows in
    /// the range; rows themselves are not cut by it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for more than 1,000 traces.
    pub async fn traces(
        &self,
        tenant: &Tenant,
        ids: &[TraceId],
        columns: Columns,
        time_hint: Option<TimeRange>,
    ) -> Result<Vec<RecordBatch>, Error> {
        let lookup = self.lookup(tenant, ids, time_hint);
        self.scans().run(Meter::new(Budget::default()), move |meter| lookup.traces(&columns, meter)).await
    }

    /// These traces in short, in the order asked for, those that exist.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for more than 1,000 traces.
    pub async fn summaries(
        &self,
        tenant: &Tenant,
        ids: &[TraceId],
        time_hint: Option<TimeRange>,
    ) -> Result<Vec<TraceSummary>, Error> {
        let lookup = self.lookup(tenant, ids, time_hint);
        self.scans().run(Meter::new(Budget::default()), move |meter| lookup.summaries(meter)).await
    }

    /// The first `limit` attribute keys in order of scope and key, of the rows that pass. Of stored
    /// rows whole segments count when the filter is [`Filter::All`], whatever part of them is in the
    /// time range.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for a filter that makes no sense.
    pub async fn attribute_keys(
        &self,
        tenant: &Tenant,
        signal: Signal,
        scope: Option<AttributeScope>,
        time: TimeRange,
        filter: Filter,
        limit: usize,
    ) -> Result<Vec<(AttributeScope, String)>, Error> {
        let request = ScanRequest { time, filter, ..ScanRequest::new(tenant.clone(), signal) };
        let meter = Meter::new(request.budget);
        let job = self.job(request, meter.clone())?;
        let cache = self.scans().keys.clone();
        let keys = self.scans().run(meter, move |_| attribute_keys::list(&job, &cache)).await?;
        let wanted = |found: &AttributeScope| scope.is_none_or(|scope| scope == *found);
        Ok(keys.into_iter().filter(|(scope, _)| wanted(scope)).take(limit).collect())
    }

    /// The smallest `limit` values of a field, in order: strings, integers, doubles, booleans, then
    /// the rest. When the filter is [`Filter::All`], values of stored rows near the time range may
    /// be among them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for a filter or field that makes no sense.
    pub async fn attribute_values(
        &self,
        tenant: &Tenant,
        signal: Signal,
        field: &Field,
        time: TimeRange,
        filter: Filter,
        limit: usize,
    ) -> Result<Vec<Value>, Error> {
        let mut columns = Columns::none();
        columns.add(field);
        if let Field::Column(name) = field
            && schema::fixed_field(signal, name).is_none()
        {
            return Err(Error::invalid(format!("{} have no column {name:?}", signal.items())));
        }
        let request = ScanRequest { time, filter, columns, ..ScanRequest::new(tenant.clone(), signal) };
        let meter = Meter::new(request.budget);
        let job = self.job(request, meter.clone())?;
        let (cache, field) = (self.scans().keys.clone(), field.clone());
        self.scans().run(meter, move |_| attribute_values::list(&job, &field, &cache, limit)).await
    }

    fn job(&self, request: ScanRequest, meter: std::sync::Arc<Meter>) -> Result<Job, Error> {
        let view = self.view(&request.tenant, request.table);
        Job::new(request, view, self.segments().clone(), meter)
    }

    fn lookup(&self, tenant: &Tenant, ids: &[TraceId], hint: Option<TimeRange>) -> Lookup {
        let view = self.view(tenant, Signal::Traces);
        Lookup { tenant: tenant.clone(), ids: ids.to_vec(), hint, view, segments: self.segments().clone() }
    }
}
