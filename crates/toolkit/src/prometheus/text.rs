//! The two text formats.

use opentelemetry_proto::tonic::metrics::v1::Exemplar;

use super::accept::Format;
use super::family::{Family, Labels};
use super::name::Kind;
use super::sample::{Histogram, Sample, exemplar_value};
use crate::propagation::push_hex;

/// All families in one text.
pub(super) fn write(families: &[Family], format: Format) -> String {
    let mut text = String::with_capacity(families.len() * 512);
    for family in families.iter().filter(|family| !family.series.is_empty()) {
        Writer { format, family, text: &mut text }.family();
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

struct Writer<'a> {
    format: Format,
    family: &'a Family,
    text: &'a mut String,
}

impl Writer<'_> {
    fn family(&mut self) {
        self.metadata();
        let full_name = self.family.full_name();
        for (labels, sample) in &self.family.series {
            match sample {
                Sample::Number(value) => self.sample(&full_name, labels, None, *value, None),
                Sample::Histogram(histogram) => self.histogram(labels, histogram),
            }
        }
    }

    fn metadata(&mut self) {
        let family = self.family;
        let open = self.format == Format::OpenMetrics;
        // The older format knows series, OpenMetrics knows families.
        let name = if open { family.name.clone() } else { family.full_name() };
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Info if open => "info",
            Kind::Info | Kind::Gauge => "gauge",
        };
        self.comment("TYPE", &name, kind);
        if let Some(unit) = family.unit.as_deref().filter(|_| open) {
            self.comment("UNIT", &name, unit);
        }
        if !family.help.is_empty() {
            let mut help = String::with_capacity(family.help.len());
            escape(&family.help, open, &mut help);
            self.comment("HELP", &name, &help);
        }
    }

    fn comment(&mut self, what: &str, name: &str, text: &str) {
        for part in ["# ", what, " ", name, " ", text, "\n"] {
            self.text.push_str(part);
        }
    }

    fn histogram(&mut self, labels: &Labels, histogram: &Histogram) {
        let name = &self.family.name;
        let bucket_name = format!("{name}_bucket");
        let mut below = 0;
        for bucket in &histogram.buckets {
            below += bucket.count;
            let bound = match self.format {
                Format::Text => number(bucket.bound),
                Format::OpenMetrics => canonical(bucket.bound),
            };
            self.sample(&bucket_name, labels, Some(&bound), whole(below), bucket.exemplar.as_ref());
        }
        if !histogram.sum.is_nan() {
            self.sample(&format!("{name}_sum"), labels, None, histogram.sum, None);
        }
        self.sample(&format!("{name}_count"), labels, None, whole(histogram.count), None);
    }

    fn sample(
        &mut self,
        name: &str,
        labels: &Labels,
        bound: Option<&str>,
        value: f64,
        exemplar: Option<&Exemplar>,
    ) {
        self.text.push_str(name);
        let bound = bound.map(|bound| ("le", bound));
        let labels = labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        self.labels(labels.chain(bound));
        self.text.push(' ');
        self.text.push_str(&number(value));
        if let Some(exemplar) = exemplar.filter(|_| self.format == Format::OpenMetrics) {
            self.exemplar(exemplar);
        }
        self.text.push('\n');
    }

    fn labels<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)>) {
        let mut mark = '{';
        for (key, value) in labels {
            self.text.push(mark);
            mark = ',';
            self.text.push_str(key);
            self.text.push_str("=\"");
            escape(value, true, self.text);
            self.text.push('"');
        }
        if mark == ',' {
            self.text.push('}');
        }
    }

    /// ` # {trace_id="…",span_id="…"} 0.043 1733000000.123`
    fn exemplar(&mut self, exemplar: &Exemplar) {
        let hex = |bytes: &[u8]| {
            let mut text = String::with_capacity(2 * bytes.len());
            push_hex(&mut text, bytes);
            text
        };
        let ids = [("trace_id", hex(&exemplar.trace_id)), ("span_id", hex(&exemplar.span_id))];
        let known = ids.iter().filter(|(_, id)| !id.is_empty());
        self.text.push_str(" # ");
        if exemplar.trace_id.is_empty() {
            self.text.push_str("{}");
        } else {
            self.labels(known.map(|(key, id)| (*key, id.as_str())));
        }
        self.text.push(' ');
        self.text.push_str(&number(exemplar_value(exemplar)));
        let (seconds, nanos) =
            (exemplar.time_unix_nano / 1_000_000_000, exemplar.time_unix_nano % 1_000_000_000);
        self.text.push_str(&format!(" {seconds}.{:03}", nanos / 1_000_000));
    }
}

fn escape(text: &str, quotes: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
}

/// A number as both formats read it.
fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else if value.is_nan() {
        "NaN".to_owned()
    } else if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        // With an exponent where that is shorter.
        format!("{value:?}")
    }
}

/// A bound as OpenMetrics wants it, so that the same bound is always the same text.
fn canonical(bound: f64) -> String {
    if bound.is_finite() { format!("{bound:?}") } else { number(bound) }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are no more precise")]
fn whole(count: u64) -> f64 {
    count as f64
}
