//! The scripts of `corpus/traceql`: spans to load, queries to run, and what they must give.
//!
//! ```text
//! # A comment.
//! trace a1
//!   span 1 - api "GET /users" 0ms 100ms kind=server status=error span.code=500 resource.zone="eu"
//!     event exception 5ms type="Timeout"
//!     link b2 7 why="retry"
//!
//! eval limit=2 { status = error }
//!   a1: 1
//! ```
//!
//! A span line is id, parent or `-`, service, name, start and duration; times count from one
//! fixed moment. After `eval` stand the traces in the order of the answer, with the ids of their
//! matching spans, ` | ` before what was computed, ` ; ` between spansets; or `nothing`; or
//! `refused KIND at OFFSET`.

use std::fmt::Write as _;

use throughline_lang::traceql::{Kind, Status};
use throughline_model::{Attributes, Event, Link, Span, SpanId, TraceId, Value};
use throughline_query::{ErrorKind, SearchResult};

use crate::stores::resource;

/// The moment from which scripts count.
pub(crate) const ZERO_NS: i64 = 1_700_000_000_000_000_000;

/// One line or block of a script.
#[derive(Debug)]
pub(crate) enum Item {
    /// Kept as it is when the script is rewritten.
    Text(String),
    /// A query with its options and what it must give.
    Eval { line: String, limit: usize, query: String, expected: Vec<String> },
}

/// A script that was read.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) spans: Vec<Span>,
    pub(crate) items: Vec<Item>,
}

impl Script {
    pub(crate) fn parse(text: &str) -> Self {
        let mut script = Self::default();
        let mut trace = TraceId::ZERO;
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("eval ") {
                let mut expected = Vec::new();
                while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
                    expected.push(line.trim().to_owned());
                }
                let (limit, query) = match rest.strip_prefix("limit=") {
                    Some(rest) => {
                        let (limit, query) = rest.split_once(' ').expect("a query after the limit");
                        (limit.parse().expect("a limit"), query)
                    }
                    None => (20, rest),
                };
                let (line, query) = (line.to_owned(), query.to_owned());
                script.items.push(Item::Eval { line, limit, query, expected });
                continue;
            }
            let words = words(line);
            match words.first().map(String::as_str) {
                Some("trace") => trace = TraceId::from_hex(&words[1]).expect("a trace id"),
                Some("span") => script.spans.push(span(trace, &words[1..])),
                Some("event") => script.last().events.push(event(&words[1..])),
                Some("link") => script.last().links.push(link(&words[1..])),
                None => {}
                Some(word) if word.starts_with('#') => {}
                Some(word) => panic!("{word:?} starts no line of a script: {line}"),
            }
            script.items.push(Item::Text(line.to_owned()));
        }
        for span in &mut script.spans {
            let start_ns = span.start_ns;
            span.events.iter_mut().for_each(|event| event.time_ns += start_ns);
        }
        script
    }

    fn last(&mut self) -> &mut Span {
        self.spans.last_mut().expect("a span before its event or link")
    }
}

fn span(trace_id: TraceId, words: &[String]) -> Span {
    let [id, parent, service, name, start, duration, rest @ ..] = words else {
        panic!("a span needs id, parent, service, name, start and duration: {words:?}")
    };
    let mut span = Span {
        trace_id,
        span_id: SpanId::from_hex(id).expect("a span id"),
        parent_span_id: (parent != "-").then(|| SpanId::from_hex(parent).expect("a parent id")),
        name: text(name),
        start_ns: ZERO_NS + nanos(start),
        duration_ns: nanos(duration),
        ..Span::default()
    };
    let mut of_resource = Attributes::new();
    for word in rest {
        let (key, value) = word.split_once('=').expect("key=value");
        match key {
            "kind" => span.kind = Kind::ALL.into_iter().find(|kind| kind.name() == value).unwrap().code(),
            "status" => {
                span.status_code =
                    Status::ALL.into_iter().find(|status| status.name() == value).unwrap().code();
            }
            "message" => span.status_message = text(value),
            key => match key.split_once('.') {
                Some(("span", key)) => span.attributes.push((key.to_owned(), json(value))),
                Some(("resource", key)) => of_resource.push((key.to_owned(), json(value))),
                _ => panic!("{key:?} is no field of a span"),
            },
        }
    }
    span.resource = resource(service, of_resource);
    span
}

fn event(words: &[String]) -> Event {
    let [name, after, rest @ ..] = words else { panic!("an event needs name and time") };
    let (name, time_ns) = (text(name), nanos(after));
    Event { name, time_ns, attributes: attributes(rest), dropped_attributes_count: 0 }
}

fn link(words: &[String]) -> Link {
    let [trace, span, rest @ ..] = words else { panic!("a link needs trace and span") };
    Link {
        trace_id: TraceId::from_hex(trace).expect("a trace id"),
        span_id: SpanId::from_hex(span).expect("a span id"),
        attributes: attributes(rest),
        ..Link::default()
    }
}

fn attributes(words: &[String]) -> Attributes {
    let pair = |word: &String| word.split_once('=').map(|(key, value)| (key.to_owned(), json(value)));
    words.iter().map(|word| pair(word).expect("key=value")).collect()
}

fn nanos(text: &str) -> i64 {
    let units = [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("h", 3_600_000_000_000)];
    let (digits, scale) = units
        .into_iter()
        .find_map(|(unit, scale)| {
            let digits = text.strip_suffix(unit)?;
            digits.parse::<i64>().ok().map(|digits| (digits, scale))
        })
        .unwrap_or_else(|| panic!("{text:?} is no duration"));
    digits * scale
}

fn text(word: &str) -> String {
    if word.starts_with('"') { serde_json::from_str(word).expect("a string") } else { word.to_owned() }
}

fn json(text: &str) -> Value {
    fn value(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Bool(truth) => Value::Bool(truth),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Value::Int(whole),
                None => Value::Double(number.as_f64().unwrap()),
            },
            serde_json::Value::Array(items) => Value::Array(items.into_iter().map(value).collect()),
            other => panic!("{other} is no attribute value in a script"),
        }
    }
    value(serde_json::from_str(text).unwrap_or_else(|error| panic!("{text:?}: {error}")))
}

/// Words between blanks; blanks in quotes or square brackets do not count.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut depth) = (false, 0);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            ' ' if !quoted && depth == 0 => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// An answer as scripts write it.
pub(crate) fn render(answer: &throughline_query::Result<SearchResult>) -> Vec<String> {
    let result = match answer {
        Ok(result) => result,
        Err(error) => {
            let kind = match error.kind() {
                ErrorKind::Unsupported => "unsupported",
                _ => "invalid",
            };
            return vec![format!("refused {kind} at {}", error.position().unwrap_or_default())];
        }
    };
    assert!(result.complete);
    if result.traces.is_empty() {
        return vec!["nothing".to_owned()];
    }
    let traces = result.traces.iter().map(|found| {
        let mut line = format!("{:x}:", u128::from_be_bytes(found.summary.trace_id.0));
        for (index, spanset) in found.spansets.iter().enumerate() {
            if index > 0 {
                line.push_str(" ;");
            }
            assert_eq!(spanset.matched, spanset.spans.len());
            for span in &spanset.spans {
                write!(line, " {:x}", u64::from_be_bytes(span.span_id.0)).unwrap();
            }
            if !spanset.attributes.is_empty() {
                line.push_str(" |");
            }
            for (name, value) in &spanset.attributes {
                write!(line, " {name}={}", value.text()).unwrap();
            }
        }
        line
    });
    traces.collect()
}
