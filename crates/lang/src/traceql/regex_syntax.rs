//! Regular expressions of queries. Tempo's are Go's (RE2) and match the whole value; the `regex`
//! crate differs from RE2 in a few spellings, which are rewritten here.

/// Rewrites a pattern from RE2's spelling to that of the `regex` crate, anchored at both ends; `.` matches
/// line breaks too.
#[must_use]
pub fn anchored(pattern: &str) -> String {
    format!("^(?s:{})$", translate(pattern))
}

/// Compiles a pattern so that it must match the whole value.
///
/// # Errors
/// The pattern is not a regular expression, or is too large when compiled.
pub fn compile_anchored(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(&anchored(pattern)).size_limit(1 << 20).build()
}

/// What RE2 reads as itself and the `regex` crate does not: a `{` that starts no repetition,
/// `\Q…\E`, `\<` and `\>`, and `[`, `&`, `-`, `~` pairs within a class.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut class_depth = ClassState::Outside;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = after;
        match (c, class_depth) {
            ('\\', _) => rest = translate_escape(&mut out, after, class_depth),
            ('[', ClassState::Outside) => {
                out.push('[');
                if let Some(after) = after.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
                class_depth = ClassState::First;
            }
            (']', ClassState::First) => {
                out.push_str("\\]");
                class_depth = ClassState::Inside;
            }
            (']', ClassState::Inside) => {
                out.push(']');
                class_depth = ClassState::Outside;
            }
            ('[', _) if after.starts_with(':') && after.contains(":]") => {
                let end = after.find(":]").map_or(0, |at| at + 2);
                out.push('[');
                out.push_str(after.get(..end).unwrap_or_default());
                rest = after.get(end..).unwrap_or_default();
                class_depth = ClassState::Inside;
            }
            ('[' | '&' | '~', ClassState::First | ClassState::Inside) => {
                out.push('\\');
                out.push(c);
                class_depth = ClassState::Inside;
            }
            ('{', ClassState::Outside) if !starts_repetition(after) => out.push_str("\\{"),
            (c, state) => {
                out.push(c);
                if state == ClassState::First {
                    class_depth = ClassState::Inside;
                }
            }
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum ClassState {
    Outside,
    First,
    Inside,
}

fn translate_escape<'p>(out: &mut String, after: &'p str, class: ClassState) -> &'p str {
    let Some(escaped) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = after.get(escaped.len_utf8()..).unwrap_or_default();
    match escaped {
        'Q' if class == ClassState::Outside => {
            let (literal, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(literal));
            rest
        }
        '<' | '>' => {
            out.push(escaped);
            rest
        }
        _ => {
            out.push('\\');
            out.push(escaped);
            rest
        }
    }
}

/// Whether `n}`, `n,}` or `n,m}` follows.
fn starts_repetition(after: &str) -> bool {
    let Some((bounds, _)) = after.split_once('}') else {
        return false;
    };
    let (low, high) = bounds.split_once(',').unwrap_or((bounds, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && digits(low) && digits(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_whole_value() {
        let pattern = compile_anchored("GET|POST").unwrap();
        assert!(pattern.is_match("GET") && pattern.is_match("POST"));
        assert!(!pattern.is_match("GET /") && !pattern.is_match("xPOST"));
    }

    #[test]
    fn takes_what_re2_takes() {
        for (pattern, text) in [
            ("/users/{id}", "/users/{id}"),
            ("a{2}", "aa"),
            ("a{,2}", "a{,2}"),
            (r"\Qa.b\E+", "a.b"),
            (r"\<x\>", "<x>"),
            ("[a[b]+", "a[b"),
            ("[]a]+", "]a"),
            ("[[:digit:]]+", "12"),
            ("[a&&b]+", "a&b"),
        ] {
            let compiled = compile_anchored(pattern).unwrap();
            assert!(compiled.is_match(text), "{pattern} on {text}");
        }
    }

    #[test]
    fn refuses_what_is_no_expression_or_too_large() {
        for bad in ["[", "(", "(?=x)", "((a{100}){100}){100}"] {
            assert!(compile_anchored(bad).is_err(), "{bad}");
        }
    }
}
