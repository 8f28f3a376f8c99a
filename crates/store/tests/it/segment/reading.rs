//! Pruning, lookups, distinct values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use proptest::prelude::{ProptestConfig, any, proptest};
use throughline_model::{Signal, Span, SpanBatchBuilder, SpanFields, SpanId, TraceId, rows};
use throughline_store::segment::{Bounds, ReadPlan, SegmentFile, SegmentReader, TraceRow};

use super::telemetry::{NOON_NS, Telemetry};
use super::{Room, read_all};

fn spans_of(batches: &[RecordBatch]) -> Vec<Span> {
    batches.iter().flat_map(|batch| rows::spans(batch).unwrap()).collect()
}

/// What a sidecar should say, from the rows.
fn naive(spans: &[Span]) -> BTreeMap<TraceId, TraceRow> {
    let mut traces = BTreeMap::new();
    for (row, span) in spans.iter().enumerate() {
        let trace = traces.entry(span.trace_id).or_insert_with(|| TraceRow {
            trace_id: span.trace_id,
            start_ns: i64::MAX,
            end_ns: i64::MIN,
            span_count: 0,
            error_count: 0,
            root: None,
            services: Vec::new(),
            rows: Vec::new(),
        });
        let errors = u32::from(span.status_code == 2);
        trace.start_ns = trace.start_ns.min(span.start_ns);
        trace.end_ns = trace.end_ns.max(span.end_ns());
        trace.span_count += 1;
        trace.error_count += errors;
        trace.rows.push(row as u32);
        let service = span.resource.service_name();
        match trace.services.iter_mut().find(|found| found.service == service) {
            Some(found) => {
                found.spans += 1;
                found.errors += errors;
            }
            None => trace.services.push(throughline_store::segment::TraceService {
                service: service.to_owned(),
                spans: 1,
                errors,
            }),
        }
        let earlier = trace.root.as_ref().is_none_or(|root| span.start_ns < root.start_ns);
        if span.parent_span_id.is_none() && earlier {
            trace.root = Some(throughline_store::segment::TraceRoot {
                service: service.to_owned(),
                name: span.name.clone(),
                start_ns: span.start_ns,
            });
        }
    }
    traces
}

fn check_sidecar(reader: &SegmentReader) {
    let spans = spans_of(&read_all(reader));
    let expected = naive(&spans);
    let ids: Vec<TraceId> = expected.keys().copied().collect();
    assert_eq!(reader.traces(&ids).unwrap().unwrap(), expected.values().cloned().collect::<Vec<_>>());
    assert_eq!(reader.traces(&[TraceId([9; 16]), TraceId::ZERO]).unwrap().unwrap(), []);
    for (id, trace) in expected.iter().take(3) {
        let plan = reader.plan_rows(&trace.rows, None);
        let found: Vec<RecordBatch> = reader.read(&plan).unwrap().map(Result::unwrap).collect();
        let wanted: Vec<Span> = spans.iter().filter(|span| span.trace_id == *id).cloned().collect();
        assert_eq!(format!("{:?}", spans_of(&found)), format!("{wanted:?}"));
        assert!(!reader.row_groups_of_trace(*id).unwrap().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_sidecar_says_what_the_rows_say(seed in any::<u64>(), count in 1..300_usize) {
        let room = Room::new();
        let entry = room.flush(Signal::Traces, &[Telemetry::new(seed).batch(Signal::Traces, count)]);
        check_sidecar(&room.reader(&entry));
    }

    #[test]
    fn distinct_values_are_those_of_the_rows(seed in any::<u64>(), count in 1..300_usize) {
        let room = Room::new();
        let entry = room.flush(Signal::Traces, &[Telemetry::new(seed).batch(Signal::Traces, count)]);
        let reader = room.reader(&entry);
        let spans = spans_of(&read_all(&reader));
        let distinct = |column: &str| reader.distinct(&[0], column).unwrap().unwrap();
        let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        let found = distinct("name");
        assert_eq!(found.values.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), names.into_iter().collect::<Vec<_>>());
        let services: BTreeSet<&str> = spans.iter().map(|span| span.resource.service_name()).collect();
        assert_eq!(distinct("service").values.as_string::<i32>().iter().flatten().collect::<BTreeSet<_>>(), services);
        assert_eq!(distinct("service").decoded, 0);
        for column in &entry.columns {
            let plan = ReadPlan { row_groups: vec![0], columns: Some(vec![column.clone()]), ..ReadPlan::default() };
            let rows: usize = reader.read(&plan).unwrap().map(|batch| { let batch = batch.unwrap(); batch.num_rows() - batch.column(0).null_count() }).sum();
            let found = distinct(column);
            assert!(!found.values.is_empty() && found.values.len() <= rows, "{column}");
        }
        assert!(reader.distinct(&[0], "a.no such key").unwrap().is_none());
    }
}

/// Spans enough for two row groups, with as few columns as can be.
fn many_spans() -> RecordBatch {
    let mut builder = SpanBatchBuilder::new();
    for n in 0..140_000_u64 {
        let service = if n % 2 == 0 { "api" } else { "web" };
        builder.set_origin(service, "{}", "{}");
        if n < 2_000 {
            builder.attribute_str("early", "yes");
        }
        let mut trace_id = [0; 16];
        trace_id[8..].copy_from_slice(&(n / 10).to_be_bytes());
        let start_ns = NOON_NS + n as i64 * 1_000;
        let span_id = SpanId((n + 1).to_be_bytes());
        let span = SpanFields {
            trace_id: TraceId(trace_id),
            span_id,
            start_ns,
            duration_ns: 10,
            name: "x",
            ..SpanFields::default()
        };
        builder.finish_span(&span).unwrap();
    }
    builder.finish().unwrap()
}

#[test]
fn large_segments_are_pruned_by_row_group_and_page() {
    let room = Room::new();
    let entry = room.flush(Signal::Traces, &[many_spans()]);
    let reader = room.reader(&entry);
    let groups = reader.row_groups();
    assert_eq!(
        groups.iter().map(|group| (group.first_row, group.rows)).collect::<Vec<_>>(),
        [(0, 131_072), (131_072, 8_928)]
    );
    assert_eq!(groups[0].services, Some(("api".to_owned(), "web".to_owned())));
    assert_eq!(groups[1].services, Some(("web".to_owned(), "web".to_owned())));
    assert_eq!(groups[1].times.1, entry.t_max);
    assert_eq!((reader.is_empty(0, "a.early"), reader.is_empty(1, "a.early")), (Some(false), Some(true)));
    let pages = reader.pages(0, "start_ns").unwrap();
    assert_eq!((pages.len(), pages[1].rows.clone()), (16, 8_192..16_384));
    assert_eq!(pages[0].bounds, Some(Bounds::Int(NOON_NS, NOON_NS + 2 * 8_191 * 1_000)));
    assert!(reader.pages(0, "status_code").is_none());
    // A trace whose spans lie in both row groups, and read back by their numbers alone.
    let mut id = [0; 16];
    id[8..].copy_from_slice(&13_999_u64.to_be_bytes());
    let trace = reader.traces(&[TraceId(id)]).unwrap().unwrap().remove(0);
    assert_eq!((trace.span_count, trace.services.len()), (10, 2));
    let plan =
        reader.plan_rows(&trace.rows, Some(vec!["trace_id".into(), "a.early".into(), "start_ns".into()]));
    assert_eq!(plan.row_groups, [0, 1]);
    let batches: Vec<RecordBatch> = reader.read(&plan).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 10);
    let names: Vec<&str> =
        batches[0].schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["trace_id", "a.early", "start_ns"]);
    assert!(
        batches.iter().all(|batch| batch
            .column(0)
            .as_fixed_size_binary()
            .iter()
            .flatten()
            .all(|found| found == id))
    );
    assert_eq!(reader.row_groups_of_trace(TraceId(id)).unwrap(), [0, 1]);
    assert_eq!(reader.distinct(&[0, 1], "a.early").unwrap().unwrap().values.len(), 1);
}

#[test]
fn a_trace_is_found_without_a_sidecar() {
    let room = Room::new();
    let entry = room.flush(Signal::Traces, &[Telemetry::new(4).batch(Signal::Traces, 100)]);
    std::fs::remove_file(room.path().join(entry.sidecar_path().unwrap())).unwrap();
    let reader = room.reader(&entry);
    let id = spans_of(&read_all(&reader))[0].trace_id;
    assert_eq!(reader.traces(&[id]).unwrap(), None);
    assert_eq!(reader.row_groups_of_trace(id).unwrap(), [0]);
    assert_eq!(room.segments.damage().0[0].rows, 0);
    assert!(!room.catalog.snapshot().get(entry.id).unwrap().sidecar_bytes > 0);
}

#[test]
fn an_object_reads_like_a_file() {
    use object_store::local::LocalFileSystem;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let room = Room::new();
    let entry = room.flush(Signal::Logs, &[Telemetry::new(5).batch(Signal::Logs, 100)]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let store = Arc::new(LocalFileSystem::new_with_prefix(room.path()).unwrap());
    let location = object_store::path::Path::from(entry.path.to_str().unwrap());
    let file = SegmentFile::open_object(store, location, runtime.handle().clone()).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    assert_eq!(super::telemetry::multiset(Signal::Logs, &batches), room.rows(Signal::Logs));
}
