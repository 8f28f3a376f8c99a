//! Spans drawn as trees.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use opentelemetry::trace::SpanId;

use super::{Span, difference};
use crate::{SpanKind, SpanStatus};

/// Draws spans as trees, one line a span, children below their parents in the order of their
/// start.
///
/// A line is the span's name, then in brackets its kind, unless it is internal, and its service,
/// unless it is that of the span above; `error` follows when its status says so. More is shown on
/// demand.
///
/// ```
/// use throughline_toolkit::testing::{Shown, Sink};
///
/// let sink = Sink::start();
/// let shop = sink.telemetry("shop");
/// tracing::dispatcher::with_default(shop.dispatch(), || {
///     let _order = tracing::info_span!("order").entered();
///     drop(tracing::info_span!("reserve", items = 3));
/// });
/// let picture = Shown::of(&sink.spans()).attribute("items").to_string();
/// assert_eq!(picture, "order [shop]\n  reserve items=3\n");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Shown {
    spans: Vec<Span>,
    attributes: Vec<String>,
    all_attributes: bool,
    events: bool,
    links: bool,
    durations: bool,
    messages: bool,
}

impl Shown {
    /// Draws these spans, of one trace or several.
    pub fn of<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Self {
        Self { spans: spans.into_iter().cloned().collect(), ..Self::default() }
    }

    /// Shows this attribute where a span has it: `key=value`.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<String>) -> Self {
        self.attributes.push(key.into());
        self
    }

    /// Shows the names of events.
    #[must_use]
    pub fn events(mut self) -> Self {
        self.events = true;
        self
    }

    /// Shows where links lead.
    #[must_use]
    pub fn links(mut self) -> Self {
        self.links = true;
        self
    }

    /// Shows how long each span took.
    #[must_use]
    pub fn durations(mut self) -> Self {
        self.durations = true;
        self
    }

    /// Shows all there is, as failing claims do.
    #[must_use]
    pub fn everything(mut self) -> Self {
        self.all_attributes = true;
        self.messages = true;
        self.events().links().durations()
    }

    /// Claims that the drawing reads like this. Indentation common to all lines, and empty lines
    /// around them, do not count.
    ///
    /// # Panics
    /// When it does not, with both drawings as a difference.
    #[track_caller]
    pub fn reads(&self, picture: &str) {
        if let Some(difference) = self.difference(picture) {
            panic!("the spans read differently (- wanted, + found):\n{difference}");
        }
    }

    /// The difference to this picture, if there is one.
    pub(super) fn difference(&self, picture: &str) -> Option<String> {
        let (wanted, found) = (dedented(picture), self.to_string());
        (wanted != found.trim_end()).then(|| difference::of(&wanted, &found))
    }

    fn line(&self, span: &Span, above: Option<&Span>) -> String {
        let mut line = span.name().to_owned();
        let kind = match span.kind() {
            SpanKind::Internal => None,
            SpanKind::Server => Some("server"),
            SpanKind::Client => Some("client"),
            SpanKind::Producer => Some("producer"),
            SpanKind::Consumer => Some("consumer"),
        };
        let service = Some(span.service()).filter(|service| above.is_none_or(|a| a.service() != *service));
        let bracket: Vec<&str> = [kind, service].into_iter().flatten().filter(|t| !t.is_empty()).collect();
        if !bracket.is_empty() {
            line.push_str(&format!(" [{}]", bracket.join(" ")));
        }
        if let SpanStatus::Error(message) = span.status() {
            line.push_str(" error");
            if self.messages && !message.is_empty() {
                line.push_str(&format!(" ({message})"));
            }
        }
        if self.durations {
            line.push_str(&format!(" {}", rounded(span.duration())));
        }
        for (key, value) in span.attributes() {
            if self.all_attributes || self.attributes.iter().any(|wanted| wanted == key) {
                line.push_str(&format!(" {key}={value}"));
            }
        }
        if self.events {
            span.events().for_each(|event| line.push_str(&format!(" !{}", event.name())));
        }
        if self.links {
            span.links().for_each(|link| line.push_str(&format!(" -> {}", self.name_of(&link))));
        }
        line
    }

    fn name_of(&self, link: &super::Link<'_>) -> String {
        let found = self.spans.iter().find(|span| link.leads_to(span));
        found.map_or_else(
            || format!("span {} of trace {}", link.span_id(), link.trace_id()),
            |span| span.name().to_owned(),
        )
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ordered: Vec<&Span> = self.spans.iter().collect();
        ordered.sort_by_key(|span| span.start_ns());
        let known: HashMap<SpanId, &Span> = ordered.iter().map(|span| (span.span_id(), *span)).collect();
        let parent_of = |span: &Span| span.parent_id().and_then(|id| known.get(&id).copied());
        let mut children: HashMap<SpanId, Vec<&Span>> = HashMap::new();
        let mut open: Vec<(&Span, usize)> = Vec::new();
        for span in &ordered {
            match parent_of(span) {
                Some(parent) => children.entry(parent.span_id()).or_default().push(span),
                None => open.push((span, 0)),
            }
        }
        open.reverse();
        while let Some((span, depth)) = open.pop() {
            let missing = depth == 0 && span.parent_id().is_some();
            let line = self.line(span, parent_of(span));
            let note = if missing { " (its parent has not arrived)" } else { "" };
            writeln!(f, "{:indent$}{line}{note}", "", indent = 2 * depth)?;
            let below = children.remove(&span.span_id()).unwrap_or_default();
            open.extend(below.into_iter().rev().map(|child| (child, depth + 1)));
        }
        Ok(())
    }
}

/// Without the indentation that all lines share, and without empty lines around them.
fn dedented(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let indent = lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines: Vec<&str> = lines().map(|line| line.get(indent..).unwrap_or("").trim_end()).collect();
    lines.join("\n")
}

/// Three figures at most.
fn rounded(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        _ if seconds >= 1.0 => (seconds, "s"),
        _ if seconds >= 1e-3 => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "us"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}
