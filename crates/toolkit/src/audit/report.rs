//! What the audit found, in bounded memory.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Rule;

/// The violations of one rule by spans of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The name of the span, the target of the log record or the destination of the message.
    pub subject: String,
    /// How often.
    pub count: u64,
    /// What was wrong the first time, with the span it was seen on. Never a secret itself.
    pub example: String,
}

/// What the audit of one telemetry has found since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditReport {
    /// The violations, the most frequent first.
    pub violations: Vec<Violation>,
    /// Violations beyond the thousandth pair of rule and subject: counted, but not told apart.
    pub untold: u64,
    /// How many spans were checked.
    pub spans: u64,
    /// How many log records were checked.
    pub logs: u64,
}

impl AuditReport {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.untold == 0
    }

    /// How often a rule was violated.
    #[must_use]
    pub fn count(&self, rule: Rule) -> u64 {
        self.violations.iter().filter(|violation| violation.rule == rule).map(|found| found.count).sum()
    }

    /// The violations of one rule.
    pub fn of(&self, rule: Rule) -> impl Iterator<Item = &Violation> {
        self.violations.iter().filter(move |violation| violation.rule == rule)
    }
}

/// A table, one line for each rule and subject.
impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.violations.iter().map(|found| found.rule.as_str().len()).max().unwrap_or(0);
        let subjects = self.violations.iter().map(|found| found.subject.chars().count()).max().unwrap_or(0);
        for Violation { rule, subject, count, example } in &self.violations {
            writeln!(f, "{count:>6} x {:<rules$}  {subject:<subjects$}  {example}", rule.as_str())?;
        }
        if self.untold > 0 {
            writeln!(f, "{:>6} more", self.untold)?;
        }
        write!(f, "{} spans and {} log records were checked", self.spans, self.logs)
    }
}

/// Pairs of rule and subject beyond these are counted in one sum.
const ENTRIES_MAX: usize = 1_000;
const SUBJECT_BYTES_MAX: usize = 200;

/// The violations so far.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: HashMap<u64, Violation>,
    untold: u64,
    pub(crate) spans: u64,
    pub(crate) logs: u64,
}

impl Book {
    /// Counts violations; `example` is made for the first of its kind only.
    pub(crate) fn add(&mut self, rule: Rule, subject: &str, n: u64, example: impl FnOnce() -> String) {
        let mut hasher = DefaultHasher::new();
        (rule, subject).hash(&mut hasher);
        let key = hasher.finish();
        if let Some(known) = self.entries.get_mut(&key) {
            known.count += n;
        } else if self.entries.len() < ENTRIES_MAX {
            let end = subject.floor_char_boundary(SUBJECT_BYTES_MAX);
            let subject = subject.get(..end).unwrap_or("").to_owned();
            self.entries.insert(key, Violation { rule, subject, count: n, example: example() });
        } else {
            self.untold += n;
        }
    }

    pub(crate) fn report(&self) -> AuditReport {
        let mut violations: Vec<Violation> = self.entries.values().cloned().collect();
        violations.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (a.rule, &a.subject).cmp(&(b.rule, &b.subject)))
        });
        AuditReport { violations, untold: self.untold, spans: self.spans, logs: self.logs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn keeps_one_example_and_counts_the_rest() {
        let mut book = Book::default();
        for n in 0..3 {
            book.add(Rule::SpanNameWithId, "GET /users/7", 1, || format!("the first was {n}"));
        }
        book.add(Rule::SpanOpenTooLong, "poll", 1, || "9 min".to_owned());
        book.spans = 4;
        expect![[r"
                 3 x span_name_with_id   GET /users/7  the first was 0
                 1 x span_open_too_long  poll          9 min
            4 spans and 0 log records were checked"]]
        .assert_eq(&book.report().to_string());
        assert_eq!(book.report().count(Rule::SpanNameWithId), 3);
    }

    #[test]
    fn memory_is_bounded_however_many_names_there_are() {
        let mut book = Book::default();
        for n in 0..1_500 {
            book.add(Rule::SpanNameWithId, &format!("{n}{}", "x".repeat(1_000)), 1, String::new);
        }
        let report = book.report();
        assert_eq!((report.violations.len(), report.untold, report.is_clean()), (1_000, 500, false));
        assert!(report.violations.iter().all(|found| found.subject.len() <= SUBJECT_BYTES_MAX));
    }
}
