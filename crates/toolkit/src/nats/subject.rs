//! What a subject is called in span names and metrics: few distinct values.

use std::sync::Arc;

use crate::messaging::operation::Destination;

/// The start of the default inboxes, and of most custom ones.
const INBOX: &str = "_INBOX";
/// Subjects below these stand for one message or one key each; how many tokens are kept.
const COLLAPSED: &[(&str, usize)] = &[("$JS.ACK.", 2), ("$JS.API.", 2), ("$KV.", 2), ("$O.", 2)];

/// A pattern of subjects: `chat.history.{room}`. `{…}` and `*` stand for one token, a last `>` for
/// one or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: Arc<str>,
}

impl Template {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.into() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for part in self.text.split('.') {
            let Some(token) = tokens.next() else { return false };
            if part == ">" {
                return true;
            }
            if part != "*" && !part.starts_with('{') && part != token {
                return false;
            }
        }
        tokens.next().is_none()
    }
}

/// Whether a subject holds wildcards.
pub(super) fn is_pattern(subject: &str) -> bool {
    subject.split('.').any(|token| matches!(token, "*" | ">"))
}

/// Describes the destination `subject`: by the first of the `templates` it matches, by the
/// `pattern` it was subscribed to, or by itself. Inboxes are told by their start, which is
/// `inbox` for the client's own.
pub(super) fn destination<'a>(
    subject: &'a str,
    templates: &'a [Template],
    pattern: Option<&'a str>,
    inbox: &'a str,
) -> Destination<'a> {
    if subject.starts_with(INBOX) {
        return Destination { name: subject, template: Some(INBOX), temporary: true };
    }
    if subject.strip_prefix(inbox).is_some_and(|rest| rest.starts_with('.')) {
        return Destination { name: subject, template: Some(inbox), temporary: true };
    }
    let template = templates.iter().find(|template| template.matches(subject)).map(Template::as_str);
    let template = template.or(pattern).or_else(|| collapsed(subject));
    Destination { name: subject, template, temporary: false }
}

/// The first tokens of a subject of the server's own that goes on with ids.
fn collapsed(subject: &str) -> Option<&str> {
    if !subject.starts_with('$') {
        return None;
    }
    let (_, kept) = COLLAPSED.iter().find(|(prefix, _)| subject.starts_with(prefix))?;
    let end = subject.match_indices('.').nth(kept - 1).map_or(subject.len(), |(at, _)| at);
    subject.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(subject: &str, pattern: Option<&str>) -> (String, bool) {
        let templates = [Template::new("chat.history.{room}"), Template::new("app.>")];
        let destination = destination(subject, &templates, pattern, "inbox.of.alice");
        (destination.shown().to_owned(), destination.temporary)
    }

    #[test]
    fn a_template_stands_for_the_subjects_it_matches() {
        for (subject, expected) in [
            ("chat.history.general", "chat.history.{room}"),
            ("chat.history", "chat.history"),
            ("chat.history.a.b", "chat.history.a.b"),
            ("app.kb.general.presence", "app.>"),
            ("app", "app"),
        ] {
            assert_eq!(shown(subject, None), (expected.to_owned(), false), "{subject}");
        }
    }

    #[test]
    fn the_pattern_of_a_subscription_comes_after_templates() {
        assert_eq!(shown("chat.history.general", Some("chat.>")).0, "chat.history.{room}");
        assert_eq!(shown("chat.general", Some("chat.*")).0, "chat.*");
    }

    #[test]
    fn inboxes_are_temporary_and_never_named() {
        assert_eq!(shown("_INBOX.x1y2.3", None), ("_INBOX".to_owned(), true));
        assert_eq!(shown("_INBOX_alice.x1y2", None), ("_INBOX".to_owned(), true));
        assert_eq!(shown("inbox.of.alice.x1y2", None), ("inbox.of.alice".to_owned(), true));
        assert_eq!(shown("inbox.of.alicesson", None), ("inbox.of.alicesson".to_owned(), false));
    }

    #[test]
    fn subjects_of_the_server_lose_their_ids() {
        assert_eq!(shown("$JS.ACK.CHAT.worker.1.2.3.4.5", None).0, "$JS.ACK");
        assert_eq!(shown("$JS.API.CONSUMER.MSG.NEXT.CHAT.worker", None).0, "$JS.API");
        assert_eq!(shown("$KV.rooms.general", None).0, "$KV.rooms");
        assert_eq!(shown("$SYS.REQ.USER.AUTH", None).0, "$SYS.REQ.USER.AUTH");
    }

    #[test]
    fn tells_patterns_from_subjects() {
        assert!(is_pattern("a.*.c") && is_pattern("a.>") && !is_pattern("a.b*.c") && !is_pattern("a.b"));
    }
}
