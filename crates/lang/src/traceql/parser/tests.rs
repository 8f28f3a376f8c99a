use super::super::{ErrorKind, parse, parse_attribute};
use super::{MAX_NESTING, MAX_OPERATORS};

#[track_caller]
fn check(text: &str, printed: &str) {
    assert_eq!(parse(text).unwrap().to_string(), printed, "{text}");
}

#[track_caller]
fn refused(text: &str, offset: u32) {
    let error = parse(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Syntax, "{text}: {error}");
    assert_eq!(error.position().0, offset, "{text}: {error}");
}

#[test]
fn and_and_or_bind_equally_to_the_left() {
    check("{ .a || .b && .c }", "{ .a || .b && .c }");
    check("{ (.a || .b) && .c }", "{ .a || .b && .c }");
    check("{ .a || (.b && .c) }", "{ .a || (.b && .c) }");
    check("{.a} || {.b} && {.c}", "{ .a } || { .b } && { .c }");
}

#[test]
fn arithmetic_binds_tighter_than_comparison() {
    check("{ .a + 1 * 2 ^ 3 ^ 4 > -.b - 1 }", "{ .a + 1 * 2 ^ 3 ^ 4 > -.b - 1 }");
    check("{ (.a + 1) * 2 = (2 ^ 3) ^ 4 }", "{ (.a + 1) * 2 = (2 ^ 3) ^ 4 }");
    check("{ .a - (.b - .c) = 0 }", "{ .a - (.b - .c) = 0 }");
    check("{ !(.a = 1) }", "{ !(.a = 1) }");
    check("{ (-.a) * 2 = 1 }", "{ (-.a) * 2 = 1 }");
}

#[test]
fn nil_compares_from_either_side() {
    check("{ nil != .a && .b = nil }", "{ .a != nil && .b = nil }");
    refused("{ nil }", 6);
    refused("{ .a > nil }", 11);
}

#[test]
fn structural_operators_bind_tighter_than_and() {
    check("{.a} && {.b} !>> {.c}", "{ .a } && { .b } !>> { .c }");
    check("{.a} &~ ({.b} && {.c})", "{ .a } &~ ({ .b } && { .c })");
}

#[test]
fn pipelines_take_filters_groups_and_selections() {
    check(
        "{ .a } | by(.b) | count() + 1 > 2 * 3 | coalesce() | select(.c, name)",
        "{ .a } | by(.b) | count() + 1 > 6 | coalesce() | select(.c, name)",
    );
    check("({.a} | count() > 1) && ({.b})", "({ .a } | count() > 1) && ({ .b })");
    refused("({.a}) && ({.b} | count() > 1)", 7);
    refused("{.a} | coalesce(", 16);
    refused("coalesce()", 0);
}

#[test]
fn metrics_take_grouping_stages_and_hints() {
    check(
        "{} | quantile_over_time(duration, .5, 1) by (.a, name) > 1s | topk(5) with (sample=true)",
        "{ true } | quantile_over_time(duration, 0.5, 1.0) by (.a, name) > 1s | topk(5) with(sample=true)",
    );
    check("{} | compare({ .a })", "{ true } | compare({ .a }, 10)");
    refused("{} | rate() + 1", 12);
    refused("{} | topk(3)", 5);
}

#[test]
fn metrics_combine_with_arithmetic() {
    check(
        "100 * ({.a} | rate()) / ({} | rate() > 3) >= 2 - 1",
        "100 * ({ .a } | rate()) / ({ true } | rate() > 3) >= 1",
    );
    refused("({} | rate()) % ({} | rate())", 14);
    refused("({} | rate()) * 5s", 14);
}

#[test]
fn constants_fold_and_print_as_they_were_meant() {
    check("({} | rate()) > 1.0 / 0", "({ true } | rate()) > (1.0 / 0.0)");
    check("({} | rate()) * (1 - 3) / 2", "({ true } | rate()) * -2 / 2");
    check("{} | rate() > -(10s)", "{ true } | rate() > -10s");
    refused("({} | rate()) > 1 / 0", 18);
    refused("({} | rate()) > 10s * 2", 20);
}

#[test]
fn what_is_no_query_is_refused_where_it_stops_being_one() {
    for (text, offset) in [
        ("", 0),
        ("{ .a = }", 7),
        ("{ .a == 1 }", 6),
        ("{ .a", 4),
        ("{ unknown }", 2),
        ("{} {}", 3),
        ("1 + 1", 0),
        ("1 = 2", 2),
        ("count()", 7),
        ("{ span:rootName = 1 }", 7),
        ("{ .a = [1, 2] }", 7),
        ("{ .a = \"x }", 7),
    ] {
        refused(text, offset);
    }
}

#[test]
fn deep_nesting_is_refused_and_not_run() {
    for text in [
        "(".repeat(50_000),
        "{ ".to_owned() + &"(".repeat(50_000),
        "{ ".to_owned() + &"!".repeat(50_000),
        "{ ".to_owned() + &"-".repeat(50_000),
        "-".repeat(50_000),
        "{ 1".to_owned() + &" ^ 1".repeat(20_000),
        "{ 1".to_owned() + &" + 1".repeat(20_000),
        "{}".to_owned() + &" && {}".repeat(20_000),
        "{}".repeat(100_000),
        "{ .a".to_owned() + &" || .a && .a".repeat(200) + " }",
        "{}".to_owned() + &" && {}".repeat(200),
        "count()".to_owned() + &" + count()".repeat(200) + " > 1",
        "({}|rate())".to_owned() + &" + ({}|rate())".repeat(200),
    ] {
        let kind = parse(&text).map(drop).unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::TooComplex | ErrorKind::Syntax), "{kind:?}");
    }
}

#[test]
fn nesting_and_length_up_to_the_bounds_parse() {
    let depth = usize::try_from(MAX_NESTING).unwrap() - 2;
    let nested = format!("{{ {}.a{} }}", "(".repeat(depth), ")".repeat(depth));
    check(&nested, "{ .a }");
    let operators = usize::try_from(MAX_OPERATORS).unwrap();
    parse(&format!("{{ .a{} }}", " || .a".repeat(operators))).unwrap();
}

#[test]
fn reads_the_name_of_a_field() {
    for name in ["resource.service.name", "span.\"a b\"", ".x", "status", "span:id", "event:name"] {
        assert_eq!(parse_attribute(name).unwrap().to_string(), name);
    }
    for bad in ["", "unknown", ".a .b", ".a = 1", "{ .a }"] {
        parse_attribute(bad).unwrap_err();
    }
}
