//! Which format a scraper prefers.

/// A form of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    OpenMetrics,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format with the highest weight in an `Accept` header, the earlier of equals; text when
    /// none is known.
    pub(super) fn preferred(accept: &str) -> Self {
        let mut best = (Self::Text, 0.0);
        for (format, weight) in accept.split(',').filter_map(offer) {
            if weight > best.1 {
                best = (format, weight);
            }
        }
        best.0
    }
}

/// The format and the weight of one part of the header.
fn offer(part: &str) -> Option<(Format, f64)> {
    let mut parameters = part.split(';').map(str::trim);
    let format = match parameters.next()?.to_ascii_lowercase().as_str() {
        "application/openmetrics-text" => Format::OpenMetrics,
        "text/plain" | "text/*" | "*/*" => Format::Text,
        _ => return None,
    };
    let mut weight = 1.0;
    for parameter in parameters {
        match parameter.split_once('=')? {
            ("q", q) => weight = q.trim().parse().unwrap_or(0.0),
            // 0.0.1 is what Prometheus calls drafts of the same.
            ("version", version)
                if format == Format::OpenMetrics
                    && !matches!(version.trim_matches('"'), "1.0.0" | "0.0.1") =>
            {
                return None;
            }
            _ => {}
        }
    }
    Some((format, weight))
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn follows_the_weights_of_the_header() {
        for (accept, format) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("application/json", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            (
                "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text;version=1.0.0;q=0.2, text/plain;q=0.9", Format::Text),
            ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", Format::Text),
            ("application/openmetrics-text;q=0", Format::Text),
            // What Prometheus 3 sends.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
        ] {
            assert_eq!(Format::preferred(accept), format, "{accept}");
        }
    }
}
