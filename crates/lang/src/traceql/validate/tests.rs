use super::super::{ErrorKind, compile};

#[track_caller]
fn check(text: &str, expected: Option<ErrorKind>) {
    let kind = compile(text).err().map(|error| error.kind());
    assert_eq!(kind, expected, "{text}");
}

#[test]
fn types_that_go_together_are_accepted() {
    for text in [
        "{ duration > 1.5 && duration != 3 }",
        "{ .x = error || .x > \"a\" }",
        "{ name < \"b\" }",
        "{ kind = server && status != ok }",
        "{ .flag && !.other }",
        "{ span:childCount + 1 > 2 }",
        "{ instrumentation:name = 3 }",
        "{ .x != nil && nil = .y && name != nil }",
        "{ name =~ `a|b` && .x !~ \"{id}\" }",
        "{} | sum(duration) / 2 > 1 | by(.x)",
    ] {
        let expected = text.contains("/ 2").then_some(ErrorKind::Unsupported);
        check(text, expected);
    }
}

#[test]
fn types_that_do_not_are_refused() {
    for text in [
        "{ duration }",
        "{ 5 }",
        "{ name = 5 }",
        "{ kind > server }",
        "{ status = client }",
        "{ .x && \"text\" }",
        "{ !duration }",
        "{ -name = 1 }",
        "{ name + 1 = 2 }",
        "{ name =~ .x }",
        "{ name =~ \"(\" }",
        "{ duration =~ \"1\" }",
        "{ name = nil }",
        "{ resource.service.name = nil }",
        "{} | max(name) > 1",
        "{} | avg(1) > 1",
        "{} | by(1)",
        "{} | quantile_over_time(duration, 1.5)",
        "{} | rate() | topk(0)",
        "{} | compare({ .a }, 0)",
        "{} | compare({ .a }, 5, 20, 10)",
        "{} | compare({ .a }) | topk(1)",
        "({} | compare({ .a })) * 2",
    ] {
        check(text, Some(ErrorKind::Invalid));
    }
}

#[test]
fn what_nobody_runs_is_named_as_such() {
    for text in [
        "{ parent = 1 }",
        "{ parent.x = 1 }",
        "{ parent.resource.x = 1 }",
        "{} | select(parent.x)",
        "{} | count() > count()",
        "{} | 1 < count()",
        "({} | count()) > ({} | count())",
        "{} | rate() by (.a, .b, .c, .d, .e, .f)",
        "{} | avg_over_time(.x) by (.a, .b, .c, .d, .e)",
    ] {
        check(text, Some(ErrorKind::Unsupported));
    }
}

#[test]
fn a_fault_is_placed_at_its_operator() {
    let error = compile("{ .a = 1 &&\n  name > 5 }").unwrap_err();
    assert_eq!(error.to_string(), "`>` cannot join a string and an integer at line 2, column 8");
}
