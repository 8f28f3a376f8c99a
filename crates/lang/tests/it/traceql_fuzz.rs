//! Seeded fuzzing: no text makes the parser, the checker or the lenient parser panic, overflow
//! the stack, or print what does not parse.

use throughline_lang::traceql::{compile, parse, parse_attribute, parse_lenient};

/// SplitMix64: the same seed gives the same texts on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const TOKENS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "|",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "^",
    "=",
    "!=",
    "=~",
    "!~",
    "<",
    ">",
    "<=",
    ">=",
    ">>",
    "<<",
    "~",
    "!>",
    "!<",
    "!>>",
    "!<<",
    "&>",
    "&<",
    "&>>",
    "&<<",
    "&~",
    ",",
    ".a",
    "span.b",
    "resource.service.name",
    "event.e",
    "link.l",
    "parent.p",
    "parent.span.q",
    "instrumentation.i",
    ".\"a b\"",
    "duration",
    "name",
    "status",
    "kind",
    "span:id",
    "trace:rootName",
    "event:name",
    "link:traceID",
    "nil",
    "true",
    "error",
    "server",
    "1",
    "2.5",
    ".5",
    "100ms",
    "1h",
    "\"text\"",
    "`raw`",
    "\"[\"",
    "count()",
    "avg(",
    "max(",
    "by(",
    "coalesce()",
    "select(",
    "rate()",
    "count_over_time()",
    "quantile_over_time(",
    "compare(",
    "topk(",
    "bottomk(",
    "with(",
    "sample",
    "\"",
    "`",
    "\\",
    "/*",
    "//",
    "ä",
    "\u{0}",
    "[",
    "]",
    "99999999999999999999",
    "1e999",
    "parent.",
    "span:",
    ".",
    "minInt",
];

const QUERIES: &[&str] = &[
    "{ resource.service.name = \"api\" && span.http.status_code >= 500 } | count() > 2",
    "({ .a } >> { .b }) && { .c } | select(.d, event.exception.message)",
    "{ duration > 1.5s && name =~ \"GET .*\" } | quantile_over_time(duration, .5, .99) by (name)",
    "100 * ({ status = error } | rate()) / ({} | rate()) > 5 | topk(3) with(sample=true)",
    "{ nil != .x && !(.y = 1 || -.z + 2 ^ 3 < 4) } | by(.w) | avg(duration) > 1s | coalesce()",
];

fn exercise(text: &str) {
    if let Ok(query) = parse(text) {
        let printed = query.to_string();
        let again = parse(&printed).unwrap_or_else(|error| panic!("{text:?} -> {printed}: {error}"));
        assert_eq!(again.to_string(), printed, "{text:?}");
    }
    let _ = compile(text).map_err(|error| error.to_string());
    let _ = parse_attribute(text).map(|attribute| attribute.to_string());
    let kept = parse_lenient(text).to_string();
    parse(&format!("{{ {kept} }}")).unwrap_or_else(|error| panic!("{text:?} kept {kept}: {error}"));
}

#[test]
fn random_tokens_never_panic() {
    let mut random = Random(1);
    for _ in 0..6_000 {
        let length = random.below(24);
        let mut text = String::new();
        for _ in 0..length {
            text.push_str(random.pick(TOKENS));
            if random.below(3) > 0 {
                text.push(' ');
            }
        }
        exercise(&text);
        exercise(&format!("{{ {text} }}"));
    }
}

#[test]
fn damaged_queries_never_panic() {
    let mut random = Random(2);
    for _ in 0..4_000 {
        let mut bytes = random.pick(QUERIES).as_bytes().to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => drop(bytes.remove(at)),
                1 => bytes.truncate(at + 1),
                2 => drop(bytes.splice(at..at, random.pick(TOKENS).bytes())),
                _ => bytes[at] = u8::try_from(random.below(128)).unwrap(),
            }
        }
        exercise(&String::from_utf8_lossy(&bytes));
    }
}

/// The canary: were the fuzzer to accept anything, it would prove nothing.
#[test]
fn the_fuzzed_queries_parse_undamaged() {
    for query in QUERIES {
        parse(query).unwrap();
    }
}
