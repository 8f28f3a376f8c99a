//! Names of OpenTelemetry as Prometheus allows them.

/// Whether a metric gets a suffix by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// The name of a metric family, without `_total`, and its unit in words.
pub(super) fn family(name: &str, unit: &str, kind: Kind) -> (String, Option<String>) {
    let mut name = allowed(name, |c| c.is_ascii_alphanumeric() || c == ':');
    if kind == Kind::Counter
        && let Some(stem) = name.strip_suffix("_total")
    {
        name = stem.to_owned();
    }
    let unit = unit_in_words(unit, kind);
    if let Some(unit) = &unit
        && !ends_with_word(&name, unit)
    {
        name = format!("{name}_{unit}");
    }
    (name, unit)
}

/// The name of a label.
pub(super) fn label(key: &str) -> String {
    allowed(key, |c| c.is_ascii_alphanumeric())
}

fn ends_with_word(name: &str, word: &str) -> bool {
    name.strip_suffix(word).is_some_and(|stem| stem.is_empty() || stem.ends_with('_'))
}

/// `name` with underscores for what `is_allowed` does not allow, several in a row as one.
fn allowed(name: &str, is_allowed: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    for c in name.chars() {
        if is_allowed(c) {
            out.push(c);
        } else if !out.ends_with('_') {
            out.push('_');
        }
    }
    out
}

/// A unit of UCUM in the words that Prometheus uses; `None` when there is nothing to say.
fn unit_in_words(unit: &str, kind: Kind) -> Option<String> {
    if unit == "1" {
        return (kind == Kind::Gauge).then(|| "ratio".to_owned());
    }
    let unit = without_annotations(unit);
    let words = match unit.split_once('/') {
        Some((over, under)) => {
            let under = per(under.trim())?;
            match plural(over.trim()) {
                Some(over) => format!("{over}_per_{under}"),
                None => format!("per_{under}"),
            }
        }
        None => plural(unit.trim())?,
    };
    Some(words)
}

/// Without what stands in braces: `{request}` counts things, and things are no unit.
fn without_annotations(unit: &str) -> String {
    let (mut out, mut depth) = (String::new(), 0_u32);
    for c in unit.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

const PLURAL: &[(&str, &str)] = &[
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tebibytes"),
    ("kBy", "kilobytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("bit", "bits"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
];

const PER: &[(&str, &str)] = &[
    ("s", "second"),
    ("min", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("wk", "week"),
    ("mo", "month"),
    ("y", "year"),
];

fn plural(unit: &str) -> Option<String> {
    in_words(unit, PLURAL)
}

fn per(unit: &str) -> Option<String> {
    in_words(unit, PER)
}

fn in_words(unit: &str, known: &[(&str, &str)]) -> Option<String> {
    let word = known.iter().find(|(short, _)| *short == unit).map_or(unit, |(_, word)| *word);
    let word = allowed(word, |c| c.is_ascii_alphanumeric());
    let word = word.trim_matches('_');
    (!word.is_empty()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_specification() {
        for (name, unit, kind, wanted) in [
            ("ledger_entries_created_total", "", Kind::Counter, "ledger_entries_created"),
            ("ledger_entries_created_total", "{entry}", Kind::Counter, "ledger_entries_created"),
            ("outbox_relay_latency_seconds", "s", Kind::Histogram, "outbox_relay_latency_seconds"),
            ("transfer_latency_seconds", "s", Kind::Histogram, "transfer_latency_seconds"),
            ("consumer_lag", "{message}", Kind::Gauge, "consumer_lag"),
            ("http.server.request.duration", "s", Kind::Histogram, "http_server_request_duration_seconds"),
            ("process.cpu.time", "s", Kind::Counter, "process_cpu_time_seconds"),
            ("busy_total", "ms", Kind::Counter, "busy_milliseconds"),
            ("seconds_left", "s", Kind::Gauge, "seconds_left_seconds"),
            ("speed", "By/s", Kind::Gauge, "speed_bytes_per_second"),
            ("rate", "{request}/s", Kind::Gauge, "rate_per_second"),
            ("share", "1", Kind::Gauge, "share_ratio"),
            ("hits", "1", Kind::Counter, "hits"),
            ("cpu", "%", Kind::Gauge, "cpu_percent"),
            ("odd", "m2.kg", Kind::Gauge, "odd_m2_kg"),
            ("żółw..speed--now", "", Kind::Gauge, "_w_speed_now"),
            ("9lives", "", Kind::Gauge, "_9lives"),
            ("rule:sum", "", Kind::Gauge, "rule:sum"),
        ] {
            assert_eq!(family(name, unit, kind).0, wanted, "{name} in {unit}");
        }
    }

    #[test]
    fn labels_allow_less() {
        assert_eq!(label("http.request.method"), "http_request_method");
        assert_eq!(label("a:b"), "a_b");
        assert_eq!(label("__reserved"), "_reserved");
        assert_eq!(label("1st"), "_1st");
        assert_eq!(label(""), "_");
    }
}
