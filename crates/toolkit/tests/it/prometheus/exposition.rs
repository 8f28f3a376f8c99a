//! A strict reader of both text formats: everything their specifications demand of an exposition
//! is asserted while it is read.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(crate) struct Exposition {
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    labels: BTreeMap<String, String>,
    pub(crate) value: f64,
    pub(crate) exemplar: Option<Exemplar>,
}

#[derive(Debug)]
pub(crate) struct Exemplar {
    labels: BTreeMap<String, String>,
    pub(crate) value: f64,
    pub(crate) timestamp: Option<f64>,
}

impl Sample {
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }
}

impl Exemplar {
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }
}

impl Exposition {
    /// The one sample of this name.
    pub(crate) fn one(&self, name: &str) -> &Sample {
        let found: Vec<_> = self.samples.iter().filter(|sample| sample.name == name).collect();
        assert_eq!(found.len(), 1, "{name} in {self:#?}");
        found[0]
    }

    /// The bucket of this name and bound.
    pub(crate) fn one_of(&self, name: &str, bound: &str) -> &Sample {
        self.find(name, &[("le", bound)])
    }

    pub(crate) fn find(&self, name: &str, labels: &[(&str, &str)]) -> &Sample {
        let wanted = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut found = self.samples.iter().filter(|sample| sample.name == name && sample.labels == wanted);
        found.next().unwrap_or_else(|| panic!("no {name}{labels:?} in {self:#?}"))
    }

    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).value
    }
}

#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: String,
    unit: String,
}

/// Reads a text, as OpenMetrics or as the format 0.0.4.
pub(crate) fn parse(text: &str, open: bool) -> Exposition {
    assert!(text.ends_with('\n') || text.is_empty());
    assert_eq!(text.ends_with("# EOF\n"), open, "only OpenMetrics has an end, and must have one");
    let (mut samples, mut family, mut seen) = (Vec::new(), Family::default(), BTreeSet::new());
    let mut families = BTreeSet::new();
    for line in text.lines() {
        if line == "# EOF" {
            continue;
        }
        if let Some(comment) = line.strip_prefix("# ") {
            let (what, rest) = comment.split_once(' ').expect(line);
            let (name, value) = rest.split_once(' ').expect(line);
            if what == "TYPE" {
                assert!(families.insert(name.to_owned()), "{name} comes twice");
                family = Family { name: name.to_owned(), kind: value.to_owned(), unit: String::new() };
            }
            assert_eq!(family.name, name, "metadata before TYPE: {line}");
            match what {
                "TYPE" => assert!(
                    ["counter", "gauge", "histogram"].contains(&value) || (open && value == "info"),
                    "{line}"
                ),
                "UNIT" => {
                    assert!(open && name.ends_with(&format!("_{value}")), "{line}");
                    value.clone_into(&mut family.unit);
                }
                "HELP" => {
                    let quote = value.replace("\\\\", "").replace("\\\"", "").contains('"');
                    assert!(!(open && quote), "{line}");
                }
                _ => panic!("unknown comment {line}"),
            }
            continue;
        }
        let sample = parse_sample(line, open);
        check_suffix(&family, &sample, open);
        assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "{line} comes twice");
        samples.push(sample);
    }
    let exposition = Exposition { samples };
    check_buckets(&exposition);
    exposition
}

fn check_suffix(family: &Family, sample: &Sample, open: bool) {
    let rest = sample.name.strip_prefix(&family.name).unwrap_or_else(|| panic!("{sample:?} in {family:?}"));
    let allowed: &[&str] = match (family.kind.as_str(), open) {
        ("counter", true) => &["_total"],
        ("counter", false) => {
            assert!(family.name.ends_with("_total"), "{family:?}");
            &[""]
        }
        ("histogram", _) => &["_bucket", "_sum", "_count"],
        ("info", _) => &["_info"],
        _ => &[""],
    };
    assert!(allowed.contains(&rest), "{sample:?} in {family:?}");
    assert_eq!(rest == "_bucket", sample.labels.contains_key("le"), "{sample:?}");
    if let Some(exemplar) = &sample.exemplar {
        assert!(rest == "_bucket" && open, "{sample:?}");
        let length: usize = exemplar.labels.iter().map(|(key, value)| key.len() + value.len()).sum();
        assert!(length <= 128, "{sample:?}");
    }
}

/// Buckets of a series rise to the infinite one, which is the count; exemplars are within theirs.
fn check_buckets(exposition: &Exposition) {
    let mut series: BTreeMap<_, Vec<(f64, f64, Option<f64>)>> = BTreeMap::new();
    for sample in exposition.samples.iter().filter(|sample| sample.labels.contains_key("le")) {
        let mut labels = sample.labels.clone();
        let bound = number(&labels.remove("le").unwrap());
        let exemplar = sample.exemplar.as_ref().map(|exemplar| exemplar.value);
        series.entry((sample.name.clone(), labels)).or_default().push((bound, sample.value, exemplar));
    }
    for ((name, labels), buckets) in series {
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {buckets:?}");
        let (last, total, _) = *buckets.last().unwrap();
        assert_eq!(last, f64::INFINITY, "{name}");
        let count = name.replace("_bucket", "_count");
        let counted = exposition.samples.iter().find(|s| s.name == count && s.labels == labels).unwrap();
        assert_eq!(counted.value, total, "{name}");
        let mut below = f64::NEG_INFINITY;
        for (bound, _, exemplar) in buckets {
            assert!(
                exemplar.is_none_or(|value| below < value && value <= bound),
                "{name} {bound} {exemplar:?}"
            );
            below = bound;
        }
    }
}

fn parse_sample(line: &str, open: bool) -> Sample {
    let end = line.find(['{', ' ']).expect(line);
    let name = line[..end].to_owned();
    assert!(is_name(&name, true), "{line}");
    let (labels, rest) = parse_labels(&line[end..]);
    let rest = rest.strip_prefix(' ').expect(line);
    let (value, exemplar) = match rest.split_once(" # ") {
        Some((value, exemplar)) => (value, Some(parse_exemplar(exemplar))),
        None => (rest, None),
    };
    assert!(open || exemplar.is_none(), "{line}");
    Sample { name, labels, value: number(value), exemplar }
}

fn parse_exemplar(text: &str) -> Exemplar {
    let (labels, rest) = parse_labels(text);
    let mut numbers = rest.split_whitespace().map(number);
    let exemplar = Exemplar { labels, value: numbers.next().expect(text), timestamp: numbers.next() };
    assert_eq!(numbers.next(), None, "{text}");
    exemplar
}

fn parse_labels(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    let Some(mut rest) = text.strip_prefix('{') else { return (labels, text) };
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return (labels, after);
        }
        let (key, after) = rest.split_once("=\"").expect(text);
        assert!(is_name(key, false), "{text}");
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect(text) {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().expect(text).1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("\\{c} in {text}"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert!(labels.insert(key.to_owned(), value).is_none(), "{key} comes twice in {text}");
        rest = after[end + 1..].strip_prefix(',').unwrap_or(&after[end + 1..]);
    }
}

fn is_name(name: &str, of_metric: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (of_metric && c == ':');
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        text => text.parse().unwrap_or_else(|_| panic!("{text:?} is no number")),
    }
}
