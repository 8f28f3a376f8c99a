use super::super::{Attribute, AttributeScope, FieldRef, Literal, Position, parse_attribute};

#[test]
fn names_that_need_quotes_get_them() {
    for (scope, name, printed) in [
        (AttributeScope::Any, "http.route", ".http.route"),
        (AttributeScope::Span, "a b", "span.\"a b\""),
        (AttributeScope::Any, "5xx", ".\"5xx\""),
        (AttributeScope::Resource, "a\"b\\c", "resource.\"a\\\"b\\\\c\""),
        (AttributeScope::Event, "", "event.\"\""),
    ] {
        let attribute = Attribute::scoped(scope, name, Position::default());
        assert_eq!(attribute.to_string(), printed);
        assert_eq!(parse_attribute(printed).unwrap(), attribute);
    }
}

#[test]
fn a_parents_attribute_is_not_taken_for_a_scope() {
    let field = FieldRef::Attribute { scope: AttributeScope::Any, parent: true, name: "span.x".into() };
    assert_eq!(field.to_string(), "parent.\"span.x\"");
    assert_eq!(parse_attribute(&field.to_string()).unwrap().field, field);
}

#[test]
fn literals_keep_their_type() {
    for (literal, printed) in [
        (Literal::Int(5), "5"),
        (Literal::Int(i64::MIN), "minInt"),
        (Literal::Float(5.0), "5.0"),
        (Literal::Duration(1_500_000_000), "1500ms"),
        (Literal::String("a\"\n".into()), "\"a\\\"\\n\""),
    ] {
        assert_eq!(literal.to_string(), printed);
    }
}
