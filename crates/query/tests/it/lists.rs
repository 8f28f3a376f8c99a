//! Names and values for completion; services and operations.

use throughline_lang::traceql::Kind;
use throughline_model::{Event, Span, Tenant, Value};
use throughline_query::{OperationsRequest, TagNamesRequest, TagScope, TagValuesRequest};

use crate::stores::{ALL, TestStore, resource, span};

fn spans() -> Vec<Span> {
    let mut checkout = span("shop", 1, 1, 0, 100);
    checkout.name = "POST /checkout".to_owned();
    checkout.kind = 2;
    checkout.status_code = 2;
    checkout.attributes = vec![
        ("http.method".to_owned(), Value::from("POST")),
        ("http.status_code".to_owned(), Value::Int(500)),
    ];
    checkout.events = vec![Event {
        time_ns: 101,
        name: "exception".to_owned(),
        attributes: vec![("exception.type".to_owned(), Value::from("Timeout"))],
        dropped_attributes_count: 0,
    }];
    let mut query = span("db", 1, 2, 1, 105);
    query.name = "SELECT".to_owned();
    query.kind = 3;
    query.attributes = vec![("http.status_code".to_owned(), Value::from("none"))];
    query.resource = resource("db", vec![("zone".to_owned(), Value::from("eu"))]);
    let mut browse = span("shop", 2, 1, 0, 200);
    browse.name = "GET /".to_owned();
    browse.kind = 2;
    browse.attributes = vec![("http.method".to_owned(), Value::from("GET"))];
    vec![checkout, query, browse]
}

async fn stores() -> [TestStore; 2] {
    let (live, stored) = (TestStore::open().await, TestStore::open().await);
    live.spans(&spans()).await;
    stored.spans(&spans()).await;
    stored.store.flush().await.unwrap();
    [live, stored]
}

async fn names(store: &TestStore, scope: Option<TagScope>, query: &str) -> Vec<(&'static str, String)> {
    let request =
        TagNamesRequest { tenant: Tenant::default(), scope, query: query.to_owned(), time: ALL, limit: 100 };
    let answer = store.engine().tag_names(request).await.unwrap();
    assert!(answer.complete);
    answer.scopes.into_iter().map(|tags| (tags.scope.name(), tags.names.join(" "))).collect()
}

async fn values(store: &TestStore, tag: &str, query: &str) -> Vec<String> {
    let request = TagValuesRequest {
        tenant: Tenant::default(),
        tag: tag.to_owned(),
        query: query.to_owned(),
        time: ALL,
        limit: 100,
    };
    let answer = store.engine().tag_values(request).await.unwrap();
    assert!(answer.complete);
    answer.values.iter().map(|value| format!("{}:{}", value.type_name(), value.text())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn names_come_by_scope_and_narrow_with_the_query() {
    for store in stores().await {
        let all = names(&store, None, "").await;
        assert_eq!(
            all[..3],
            [
                ("resource", "service.name zone".to_owned()),
                ("span", "http.method http.status_code".to_owned()),
                ("event", "exception.type".to_owned()),
            ]
        );
        assert_eq!(all[3].0, "intrinsic");
        assert!(all[3].1.contains("duration"));
        let unfinished = "{ resource.service.name = \"db\" && span.";
        let db = names(&store, Some(TagScope::Span), unfinished).await;
        assert_eq!(db, [("span", "http.status_code".to_owned())]);
        assert_eq!(names(&store, Some(TagScope::Link), "").await, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn values_keep_their_type_and_narrow_with_the_query() {
    for store in stores().await {
        let services = "resource.service.name";
        assert_eq!(values(&store, services, "").await, ["string:db", "string:shop"]);
        assert_eq!(values(&store, services, "{ status = error && name = ").await, ["string:shop"]);
        assert_eq!(values(&store, ".http.status_code", "").await, ["string:none", "int:500"]);
        assert_eq!(
            values(&store, "name", "{ kind = server }").await,
            ["string:GET /", "string:POST /checkout"]
        );
        assert_eq!(values(&store, "rootName", "").await, ["string:GET /", "string:POST /checkout"]);
        assert_eq!(values(&store, "rootServiceName", "").await, ["string:shop"]);
        assert_eq!(values(&store, "event:name", "").await, ["string:exception"]);
        assert_eq!(values(&store, "event.exception.type", "").await, ["string:Timeout"]);
        assert_eq!(
            values(&store, "status", "{ broken").await,
            ["keyword:unset", "keyword:ok", "keyword:error"]
        );
        assert_eq!(values(&store, "duration", "").await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_no_field_is_refused_but_no_query_is() {
    let store = TestStore::open().await;
    let request = |tag: &str| TagValuesRequest {
        tenant: Tenant::default(),
        tag: tag.to_owned(),
        query: "{ && ".to_owned(),
        time: ALL,
        limit: 100,
    };
    store.engine().tag_values(request(".x")).await.unwrap();
    let error = store.engine().tag_values(request("no field")).await.unwrap_err();
    assert_eq!(error.kind(), throughline_query::ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn services_and_operations_count_spans_and_errors() {
    for store in stores().await {
        let services = store.engine().services(&Tenant::default(), ALL).await.unwrap();
        let services: Vec<_> =
            services.services.iter().map(|s| (s.name.as_str(), s.spans, s.errors)).collect();
        assert_eq!(services, [("db", 1, 0), ("shop", 2, 1)]);
        let request = |service: Option<&str>, kind| OperationsRequest {
            tenant: Tenant::default(),
            service: service.map(str::to_owned),
            kind,
            time: ALL,
        };
        let operations = store.engine().operations(request(Some("shop"), None)).await.unwrap();
        let listed: Vec<_> =
            operations.operations.iter().map(|o| (o.name.as_str(), o.kind, o.spans, o.errors)).collect();
        assert_eq!(listed, [("GET /", Kind::Server, 1, 0), ("POST /checkout", Kind::Server, 1, 1)]);
        let clients = store.engine().operations(request(None, Some(Kind::Client))).await.unwrap();
        assert_eq!(clients.operations.len(), 1);
        assert!(clients.complete && clients.stats.inspected_rows >= 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn dependencies_count_calls_between_services_once() {
    for store in stores().await {
        store.spans(&spans()).await;
        store.spans(&[span("db", 1, 3, 2, 106), span("stray", 1, 4, 99, 107)]).await;
        let found = store.engine().dependencies(&Tenant::default(), ALL).await.unwrap();
        let calls: Vec<_> =
            found.dependencies.iter().map(|d| (d.parent.as_str(), d.child.as_str(), d.calls)).collect();
        assert_eq!(calls, [("shop", "db", 1)]);
        assert!(found.complete);
    }
}
