use proptest::prelude::*;

use super::*;
use crate::value::Attributes;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        ".{0,12}".prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Double),
        Just(Value::Double(f64::INFINITY)),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec(("[a-c$]{0,3}", inner), 0..5).prop_map(Value::Map),
        ]
    })
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b))
        }
        _ => a == b,
    }
}

proptest! {
    #[test]
    fn any_value_comes_back_equal(value in value()) {
        let mut text = String::new();
        write_value(&mut text, &value);
        let back = parse_value(&text).unwrap();
        prop_assert!(same(&back, &value), "{text}: {back:?}");
    }

    #[test]
    fn any_text_is_read_or_refused_without_panic(text in ".{0,60}", json in "[\\[\\]{}\",:\\\\u0-9a$.e-]{0,40}") {
        let _ignored = (parse_attributes(&text), parse_value(&json));
    }
}

#[test]
fn repeated_top_level_keys_survive() {
    let attributes: Attributes = vec![("a".into(), Value::Int(1)), ("a".into(), Value::Double(1.0))];
    let mut text = String::new();
    write_attributes(&mut text, &attributes);
    assert_eq!(text, r#"{"a":1,"a":1.0}"#);
    assert_eq!(parse_attributes(&text).unwrap(), attributes);
}

#[test]
fn too_deep_nesting_is_refused() {
    assert!(parse_value(&"[".repeat(100_000)).is_err());
}
