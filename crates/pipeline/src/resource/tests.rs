use arrow::datatypes::{DataType, Field, Schema};
use throughline_model::Value;

use super::*;

fn batch(resources: &[&str]) -> RecordBatch {
    let column: DictionaryArray<Int32Type> = resources.iter().copied().collect();
    let services: Vec<String> =
        resources.iter().map(|text| Resource::from_json(text).unwrap().service_name().to_owned()).collect();
    let services: DictionaryArray<Int32Type> = services.iter().map(String::as_str).collect();
    let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let fields =
        vec![Field::new(schema::SERVICE, text(), false), Field::new(schema::RESOURCE, text(), false)];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(services), Arc::new(column)]).unwrap()
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap().as_dictionary::<Int32Type>();
    column.downcast_dict::<StringArray>().unwrap().into_iter().map(|text| text.unwrap().to_owned()).collect()
}

fn run(yaml: &str, resources: &[&str]) -> RecordBatch {
    let settings = serde_yaml_ng::from_str(yaml).unwrap();
    ResourceProcessor::new(settings).process(Signal::Traces, batch(resources)).unwrap()
}

fn attribute(resource: &str, key: &str) -> Option<Value> {
    Resource::from_json(resource).unwrap().get(key).cloned()
}

#[test]
fn upsert_writes_the_environment_of_the_founding_configuration() {
    let out = run(
        "attributes: [{key: deployment.environment, value: dev, action: upsert}]",
        &[r#"{"service.name":"a","deployment.environment":"prod"}"#, r#"{"service.name":"b"}"#],
    );
    for resource in texts(&out, schema::RESOURCE) {
        assert_eq!(attribute(&resource, "deployment.environment"), Some("dev".into()));
    }
    assert_eq!(texts(&out, schema::SERVICE), ["a", "b"]);
}

#[test]
fn insert_keeps_and_update_needs_what_is_there() {
    let out = run(
        "attributes: [{key: a, value: 1, action: insert}, {key: b, value: 2.5, action: update}]",
        &[r#"{"a":7}"#, r#"{"b":1}"#],
    );
    let resources = texts(&out, schema::RESOURCE);
    assert_eq!(attribute(&resources[0], "a"), Some(Value::Int(7)));
    assert_eq!(attribute(&resources[0], "b"), None);
    assert_eq!(attribute(&resources[1], "a"), Some(Value::Int(1)));
    assert_eq!(attribute(&resources[1], "b"), Some(Value::Double(2.5)));
}

#[test]
fn the_service_column_follows_service_name() {
    let out = run(
        "attributes: [{key: service.name, from_attribute: k8s.deployment.name, action: upsert}]",
        &[r#"{"service.name":"x","k8s.deployment.name":"shop"}"#, r#"{"service.name":"y"}"#],
    );
    assert_eq!(texts(&out, schema::SERVICE), ["shop", "y"]);
}

#[test]
fn resources_that_become_equal_share_an_entry() {
    let out = run(
        "attributes: [{key: process.pid, action: delete}]",
        &[r#"{"service.name":"a","process.pid":1}"#, r#"{"service.name":"a","process.pid":2}"#],
    );
    let column = out.column_by_name(schema::RESOURCE).unwrap().as_dictionary::<Int32Type>();
    assert_eq!(column.values().len(), 1);
    assert_eq!(attribute(&texts(&out, schema::RESOURCE)[1], "process.pid"), None);
}

#[test]
fn keeps_schema_url_and_dropped_count() {
    let resource = Resource { dropped_attributes_count: 3, schema_url: "u".into(), ..Resource::default() };
    let out = run("attributes: [{key: a, value: [x, y], action: insert}]", &[&resource.to_json()]);
    let back = Resource::from_json(&texts(&out, schema::RESOURCE)[0]).unwrap();
    assert_eq!((back.dropped_attributes_count, back.schema_url.as_str()), (3, "u"));
    assert_eq!(back.get("a"), Some(&Value::Array(vec!["x".into(), "y".into()])));
}

#[test]
fn refuses_actions_that_lack_what_they_need() {
    for (yaml, key) in [
        ("attributes: []", "attributes"),
        ("attributes: [{key: '', value: 1, action: insert}]", "attributes.key"),
        ("attributes: [{key: a, action: insert}]", "attributes.value"),
        ("attributes: [{key: a, value: 1, from_attribute: b, action: upsert}]", "attributes.value"),
        ("attributes: [{key: a, value: 1, action: delete}]", "attributes.action"),
    ] {
        let settings: ResourceSettings = serde_yaml_ng::from_str(yaml).unwrap();
        assert_eq!(settings.validate().unwrap_err().key, key, "{yaml}");
    }
    let unknown = serde_yaml_ng::from_str::<ResourceSettings>("attributes: [{key: a, action: hash}]");
    assert!(unknown.unwrap_err().to_string().contains("insert"), "names the known actions");
}
