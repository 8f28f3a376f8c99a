//! Time series from spans: small sets of traces whose series are known.

use expect_test::{Expect, expect};
use throughline_model::{Span, Tenant, Value};
use throughline_query::{Engine, Error, ErrorKind, SpanMetrics, SpanMetricsRequest, TimeRange};

use crate::stores::{TestStore, resource, span};

const SECOND: i64 = 1_000_000_000;

/// Two traces: at 5 s and 15 s; each a root of `shop` and a child of `db`.
fn spans() -> Vec<Span> {
    let mut all = Vec::new();
    for (trace, start, status) in [(1, 5, 0), (2, 15, 2)] {
        let mut root = span("shop", trace, 1, 0, start * SECOND);
        root.name = "GET /".to_owned();
        root.kind = 2;
        root.status_code = status;
        root.duration_ns = start * SECOND;
        root.attributes = vec![
            ("http.status_code".to_owned(), Value::Int(if status == 2 { 500 } else { 200 })),
            ("route".to_owned(), Value::from("/")),
        ];
        let mut child = span("db", trace, 2, 1, start * SECOND + 1);
        child.name = "SELECT".to_owned();
        child.kind = 3;
        child.duration_ns = SECOND / 4;
        child.resource = resource("db", vec![("zone".to_owned(), Value::from("eu"))]);
        child.attributes = vec![("http.status_code".to_owned(), Value::from("none"))];
        all.extend([root, child]);
    }
    all
}

async fn filled() -> TestStore {
    let store = TestStore::open().await;
    store.spans(&spans()).await;
    store
}

fn request(query: &str) -> SpanMetricsRequest {
    SpanMetricsRequest {
        tenant: Tenant::default(),
        query: query.to_owned(),
        time: TimeRange::new(10 * SECOND, 20 * SECOND),
        step_ns: Some(10 * SECOND),
        exemplars: 0,
        series_max: 1_000,
    }
}

async fn ask(engine: &Engine, query: &str) -> Result<SpanMetrics, Error> {
    engine.span_metrics(request(query)).await
}

/// `{labels} second=value …`, a line a series.
fn shown(answer: &SpanMetrics) -> String {
    let mut text = String::new();
    for series in &answer.series {
        let labels: Vec<String> =
            series.labels.iter().map(|(name, value)| format!("{name}={}", value.text())).collect();
        text += &format!("{{{}}}", labels.join(", "));
        for sample in &series.samples {
            text += &format!(" {}={}", sample.time_ns / SECOND, (sample.value * 1e6).round() / 1e6);
        }
        text.push('\n');
    }
    text
}

/// Live rows and stored ones, counted as rows and as whole traces, give the same.
async fn check(query: &str, expected: Expect) {
    let store = filled().await;
    let live = ask(&store.engine(), query).await.unwrap();
    assert!(live.complete, "{query}: {:?}", live.message);
    expected.assert_eq(&shown(&live));
    let by_trace = query.replacen("} |", "&& traceDuration > 0 } |", 1);
    assert_eq!(shown(&ask(&store.engine(), &by_trace).await.unwrap()), shown(&live), "{by_trace}");
    store.store.flush().await.unwrap();
    assert_eq!(shown(&ask(&store.engine(), query).await.unwrap()), shown(&live), "stored: {query}");
}

#[tokio::test]
async fn counts_are_of_intervals_that_end_at_the_timestamp() {
    check(
        "{ true } | count_over_time()",
        expect![[r#"
        {__name__=count_over_time} 10=2 20=2
    "#]],
    )
    .await;
    check(
        "{ true } | rate() by (resource.service.name)",
        expect![[r#"
        {resource.service.name=db} 10=0.1 20=0.1
        {resource.service.name=shop} 10=0.1 20=0.1
    "#]],
    )
    .await;
    check(
        "{ status = error } | rate()",
        expect![[r#"
        {__name__=rate} 10=0 20=0.1
    "#]],
    )
    .await;
}

#[tokio::test]
async fn groups_have_the_types_of_their_values_and_leave_out_what_is_missing() {
    check(
        "{ true } | count_over_time() by (span.http.status_code, resource.zone)",
        expect![[r#"
        {span.http.status_code=none, resource.zone=eu} 10=1 20=1
        {span.http.status_code=200} 10=1 20=0
        {span.http.status_code=500} 10=0 20=1
    "#]],
    )
    .await;
    check(
        "{ true } | count_over_time() by (resource.zone)",
        expect![[r#"
        {resource.zone=eu} 10=1 20=1
        {resource.zone=nil} 10=1 20=1
    "#]],
    )
    .await;
    check(
        "{ true } | count_over_time() by (status, kind, .route)",
        expect![[r#"
        {status=error, kind=server, .route=/} 10=0 20=1
        {status=unset, kind=client} 10=1 20=1
        {status=unset, kind=server, .route=/} 10=1 20=0
    "#]],
    )
    .await;
}

#[tokio::test]
async fn numbers_are_summed_up_and_durations_are_seconds() {
    check(
        "{ true } | sum_over_time(duration) by (name)",
        expect![[r#"
        {name=GET /} 10=5 20=15
        {name=SELECT} 10=0.25 20=0.25
    "#]],
    )
    .await;
    check(
        "{ true } | avg_over_time(duration)",
        expect![[r#"
        {__name__=avg_over_time} 10=2.625 20=7.625
    "#]],
    )
    .await;
    check(
        "{ true } | max_over_time(span.http.status_code)",
        expect![[r#"
        {__name__=max_over_time} 10=200 20=500
    "#]],
    )
    .await;
    check(
        "{ status = error } | min_over_time(duration)",
        expect![[r#"
        {__name__=min_over_time} 20=15
    "#]],
    )
    .await;
}

#[tokio::test]
async fn quantiles_and_histograms_are_of_powers_of_two() {
    check(
        "{ true } | quantile_over_time(duration, .5, 1) by (name)",
        expect![[r#"
            {name=GET /, p=0.5} 10=8.589935 20=17.179869
            {name=GET /, p=1.0} 10=8.589935 20=17.179869
            {name=SELECT, p=0.5} 10=0.268435 20=0.268435
            {name=SELECT, p=1.0} 10=0.268435 20=0.268435
        "#]],
    )
    .await;
    check(
        "{ true } | histogram_over_time(duration) with (sample = true)",
        expect![[r#"
        {__bucket=0.268435456} 10=1 20=1
        {__bucket=8.589934592} 10=1 20=0
        {__bucket=17.179869184} 10=0 20=1
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_root_is_told_by_its_row_and_structure_by_whole_traces() {
    check(
        "{ nestedSetParent < 0 && true && status != nil } | rate() by (status)",
        expect![[r#"
        {status=error} 10=0 20=0.1
        {status=unset} 10=0.1 20=0
    "#]],
    )
    .await;
    let store = filled().await;
    let answer = ask(&store.engine(), "{ nestedSetParent < 0 } | rate()").await.unwrap();
    assert_eq!(answer.stats.inspected_traces, 0);
    let query = "{ status = error } >> { true } | count_over_time() by (rootName, name)";
    let answer = ask(&store.engine(), query).await.unwrap();
    assert_eq!(shown(&answer), "{rootName=GET /, name=SELECT} 10=0 20=1\n");
}

#[tokio::test]
async fn compares_a_selection_with_the_rest() {
    check(
        "{ nestedSetParent < 0 } | compare({ status = error }, 1, 10000000000, 20000000000)",
        expect![[r#"
            {__meta_type=baseline, kind=server} 10=1 20=0
            {__meta_type=baseline, name=GET /} 10=1 20=0
            {__meta_type=baseline, resource.service.name=shop} 10=1 20=0
            {__meta_type=baseline, span.http.status_code=200} 10=1 20=0
            {__meta_type=baseline, span.route=/} 10=1 20=0
            {__meta_type=baseline, status=unset} 10=1 20=0
            {__meta_type=baseline_total, kind=nil} 10=1 20=0
            {__meta_type=baseline_total, name=nil} 10=1 20=0
            {__meta_type=baseline_total, resource.service.name=nil} 10=1 20=0
            {__meta_type=baseline_total, span.http.status_code=nil} 10=1 20=0
            {__meta_type=baseline_total, span.route=nil} 10=1 20=0
            {__meta_type=baseline_total, status=nil} 10=1 20=0
            {__meta_type=selection, kind=server} 10=0 20=1
            {__meta_type=selection, name=GET /} 10=0 20=1
            {__meta_type=selection, resource.service.name=shop} 10=0 20=1
            {__meta_type=selection, span.http.status_code=500} 10=0 20=1
            {__meta_type=selection, span.route=/} 10=0 20=1
            {__meta_type=selection, status=error} 10=0 20=1
            {__meta_type=selection_total, kind=nil} 10=0 20=1
            {__meta_type=selection_total, name=nil} 10=0 20=1
            {__meta_type=selection_total, resource.service.name=nil} 10=0 20=1
            {__meta_type=selection_total, span.http.status_code=nil} 10=0 20=1
            {__meta_type=selection_total, span.route=nil} 10=0 20=1
            {__meta_type=selection_total, status=nil} 10=0 20=1
        "#]],
    )
    .await;
}

#[tokio::test]
async fn stages_after_the_function_work_on_its_series() {
    let store = filled().await;
    let ask = async |query: &str| shown(&ask(&store.engine(), query).await.unwrap());
    let by_name = "{ true } | sum_over_time(duration) by (name)";
    assert_eq!(ask(&format!("{by_name} | topk(1)")).await, "{name=GET /} 10=5 20=15\n");
    assert_eq!(ask(&format!("{by_name} | bottomk(1)")).await, "{name=SELECT} 10=0.25 20=0.25\n");
    assert_eq!(ask(&format!("{by_name} > 10s")).await, "{name=GET /} 20=15\n");
}

#[tokio::test]
async fn without_a_step_there_is_one_value() {
    let (store, query) = (filled().await, "{ } | rate()");
    let engine = store.engine();
    let answer = engine.span_metrics(SpanMetricsRequest { step_ns: None, ..request(query) });
    // The spans at 15 s alone are between 10 s and 20 s.
    assert_eq!(shown(&answer.await.unwrap()), "{__name__=rate} 20=0.2\n");
}

#[tokio::test]
async fn exemplars_are_spans_of_the_series() {
    let store = filled().await;
    let engine = store.engine();
    for query in ["{ true } | rate() by (name)", "{ traceDuration > 0 } | rate() by (name)"] {
        let answer = engine.span_metrics(SpanMetricsRequest { exemplars: 10, ..request(query) });
        let answer = answer.await.unwrap();
        let roots = answer.series.first().unwrap();
        let mut found: Vec<_> = roots.exemplars.iter().map(|one| (one.time_ns / SECOND, one.value)).collect();
        found.sort_by_key(|found| found.0);
        assert_eq!(found, [(5, 0.1), (15, 0.1)], "{query}");
    }
    let query = "{ true } | rate() with (exemplars = false)";
    let answer = engine.span_metrics(SpanMetricsRequest { exemplars: 10, ..request(query) });
    assert!(answer.await.unwrap().series.iter().all(|series| series.exemplars.is_empty()));
}

#[tokio::test]
async fn too_many_series_are_cut_and_the_answer_says_so() {
    let store = filled().await;
    let request = SpanMetricsRequest { series_max: 1, ..request("{ } | rate() by (span:id, trace:id)") };
    let answer = store.engine().span_metrics(request).await.unwrap();
    assert_eq!((answer.series.len(), answer.complete), (1, false));
    assert_eq!(answer.message.as_deref(), Some("1 of 4 series are shown, those of the most spans"));
}

#[tokio::test]
async fn refuses_by_name_and_position_what_it_does_not_run() {
    let store = filled().await;
    let error = ask(&store.engine(), "({ } | rate()) / ({ } | count_over_time())").await.unwrap_err();
    assert_eq!((error.kind(), error.position()), (ErrorKind::Unsupported, Some(15)), "{error}");
    let error = ask(&store.engine(), "{ }").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}
