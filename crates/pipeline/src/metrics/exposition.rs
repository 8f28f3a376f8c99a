//! The Prometheus text format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Family, Kind, LabelSet, Series};

pub(super) fn render(families: &BTreeMap<&'static str, Family>) -> String {
    let mut text = String::new();
    for family in families.values() {
        let metric = family.metric;
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "# HELP {} {}\n# TYPE {} {kind}", metric.name, metric.help, metric.name);
        for (labels, series) in &family.series {
            text.push_str(metric.name);
            write_labels(&mut text, labels);
            let _ = match series {
                Series::Counted(counter) => writeln!(text, " {}", counter.value()),
                Series::Measured(gauge) => writeln!(text, " {}", gauge.value()),
                Series::Observed(observe) => writeln!(text, " {}", observe()),
            };
        }
    }
    text
}

fn write_labels(text: &mut String, labels: &LabelSet) {
    if labels.is_empty() {
        return;
    }
    let mut separator = '{';
    for (name, value) in labels {
        text.push(separator);
        separator = ',';
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{name}=\"{escaped}\"");
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use throughline_model::Signal;

    use crate::metrics::{LIMITER_IN_FLIGHT_BYTES, RECEIVER_CONNECTIONS, Registry, receiver_accepted};

    #[test]
    fn writes_families_in_order_with_escaped_labels() {
        let registry = Registry::default();
        let labels = [("receiver", "ot\"lp\\\n"), ("transport", "http")];
        registry.counter(receiver_accepted(Signal::Traces), &labels).add(7);
        registry.gauge(&RECEIVER_CONNECTIONS, &[]).set(2);
        registry.gauge_fn(&LIMITER_IN_FLIGHT_BYTES, &[], || 1.5);
        expect![[r#"
            # HELP otelcol_processor_memory_limiter_in_flight_bytes Bytes held by requests being received.
            # TYPE otelcol_processor_memory_limiter_in_flight_bytes gauge
            otelcol_processor_memory_limiter_in_flight_bytes 1.5
            # HELP otelcol_receiver_accepted_spans Spans accepted and acknowledged.
            # TYPE otelcol_receiver_accepted_spans counter
            otelcol_receiver_accepted_spans{receiver="ot\"lp\\\n",transport="http"} 7
            # HELP otelcol_receiver_connections Open connections.
            # TYPE otelcol_receiver_connections gauge
            otelcol_receiver_connections 2
        "#]]
        .assert_eq(&registry.render());
    }
}
