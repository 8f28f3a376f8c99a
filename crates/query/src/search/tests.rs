use std::cmp::Reverse;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use throughline_lang::traceql::compile;
use throughline_model::{Signal, Span, SpanBatchBuilder, Tenant};
use throughline_store::scan::TimeRange;
use throughline_store::{Append, Durability, Store, StoreConfig};

use super::matching::Matcher;
use super::{SearchRequest, TraceMatch};
use crate::eval::Program;
use crate::samples;
use crate::trace::Trace;
use crate::{Engine, Limits};

const SPANS_MAX: usize = 3;

async fn open(directory: &std::path::Path) -> Arc<Store> {
    let replay = Arc::new(|_: &throughline_store::WalRecord| Err("nothing is replayed".to_owned()));
    let config = StoreConfig { durability: Durability::Relaxed, ..StoreConfig::new(directory) };
    Store::open(config, replay).await.unwrap().0
}

async fn append(store: &Store, spans: &[Span]) {
    let mut builder = SpanBatchBuilder::new();
    for span in spans {
        builder.push(span).unwrap();
    }
    let request = Append {
        tenant: Tenant::default(),
        signal: Signal::Traces,
        encoding: 0,
        pipeline: "test".into(),
        received_ns: 1,
        raw: Bytes::from_static(b"x"),
        batch: builder.finish().unwrap(),
    };
    store.append(request).await.unwrap();
}

/// The answer by looking at every trace in memory.
fn oracle(query: &str, traces: &[Vec<Span>], time: TimeRange, limit: usize) -> Vec<TraceMatch> {
    let program = Program::of(&compile(query).unwrap()).unwrap();
    let matcher = Matcher { program: &program, time, spans_max: SPANS_MAX };
    let mut found: Vec<_> = traces
        .iter()
        .filter_map(|spans| matcher.of(&Trace::assemble(spans[0].trace_id, spans.clone()).unwrap()))
        .collect();
    found.sort_by_key(|((Reverse(newest), id), _)| (Reverse(*newest), *id));
    found.truncate(limit);
    found.into_iter().map(|(_, found)| found).collect()
}

/// Some traces in segments, some live, some in both.
async fn fill(store: &Store, traces: &[Vec<Span>], flush_at: usize) {
    for (index, spans) in traces.iter().enumerate() {
        let (first, second) = spans.split_at(spans.len() / 2);
        if index == flush_at {
            append(store, first).await;
            store.flush().await.unwrap();
            append(store, second).await;
        } else {
            append(store, spans).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn a_search_of_the_store_finds_what_looking_at_every_trace_finds(
        traces in (1u8..12).prop_flat_map(|count| (1..=count).map(samples::spans).collect::<Vec<_>>()),
        queries in prop::collection::vec(samples::query(), 12),
        flush_at in 0usize..12,
        start_ns in 98i64..110,
        limit in 1usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let store = open(directory.path()).await;
            fill(&store, &traces, flush_at).await;
            let engine = Engine::new(store.clone(), Limits::default());
            let time = TimeRange::new(start_ns, 118);
            for query in queries.iter().filter(|query| compile(query).is_ok()) {
                let request = SearchRequest {
                    tenant: Tenant::default(),
                    query: query.as_str().into(),
                    time,
                    limit,
                    spans_per_spanset: SPANS_MAX,
                };
                let result = engine.search(request).await.unwrap();
                prop_assert!(result.complete, "{}", query);
                let expected = oracle(query, &traces, time, limit);
                prop_assert_eq!(&result.traces, &expected, "{}", query);
            }
            store.shutdown().await.unwrap();
            Ok(())
        })?;
    }
}
