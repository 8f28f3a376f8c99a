//! What happened, as the other services are told: the messages on the topic.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::AccountKind;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Happened {
    /// An account exists.
    AccountOpened(AccountOpened),
    /// Money moved.
    EntryPosted(EntryPosted),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountOpened {
    pub(crate) account_id: Uuid,
    pub(crate) currency: String,
    pub(crate) kind: AccountKind,
    pub(crate) opened_at_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryPosted {
    pub(crate) entry_id: Uuid,
    pub(crate) currency: String,
    pub(crate) posted_at_ms: i64,
    /// What left and what arrived; the sum is 0.
    pub(crate) postings: [Posting; 2],
}

/// One side of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Posting {
    pub(crate) account_id: Uuid,
    /// Negative where the money left.
    pub(crate) amount_minor: i64,
    /// The account's balance after this posting.
    pub(crate) balance_minor: i64,
    /// The number of this posting among the account's own, from 1 without gaps.
    pub(crate) sequence: i64,
}

impl Happened {
    /// Says what is wrong with a message that reads well and cannot be true.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self::EntryPosted(posted) = self else { return Ok(()) };
        let [from, to] = &posted.postings;
        if from.amount_minor.checked_add(to.amount_minor) != Some(0) {
            return Err(format!(
                "the postings {} and {} are not balanced",
                from.amount_minor, to.amount_minor
            ));
        }
        if from.account_id == to.account_id {
            return Err(format!("both postings are of account {}", from.account_id));
        }
        Ok(())
    }

    /// The event's name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::AccountOpened(_) => "AccountOpened",
            Self::EntryPosted(_) => "EntryPosted",
        }
    }

    /// What it happened to.
    pub(crate) fn aggregate_id(&self) -> Uuid {
        match self {
            Self::AccountOpened(opened) => opened.account_id,
            Self::EntryPosted(posted) => posted.entry_id,
        }
    }

    /// The message's key: messages about one account's debits stay in order.
    pub(crate) fn key(&self) -> Uuid {
        match self {
            Self::AccountOpened(opened) => opened.account_id,
            Self::EntryPosted(EntryPosted { postings: [from, _], .. }) => from.account_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_as_it_was_written() {
        let posting =
            |amount_minor| Posting { account_id: Uuid::nil(), amount_minor, balance_minor: 7, sequence: 3 };
        let posted = Happened::EntryPosted(EntryPosted {
            entry_id: Uuid::max(),
            currency: "EUR".to_owned(),
            posted_at_ms: 12,
            postings: [posting(-5), posting(5)],
        });
        let text = serde_json::to_string(&posted).unwrap();
        assert!(text.starts_with(r#"{"type":"EntryPosted","entry_id":"ffffffff-"#), "{text}");
        assert_eq!(serde_json::from_str::<Happened>(&text).unwrap(), posted);
    }

    #[test]
    fn an_entry_that_is_not_balanced_cannot_be_true() {
        let entry = |out: i64, into: i64, to: u128| {
            let posting = |id, amount_minor| Posting {
                account_id: Uuid::from_u128(id),
                amount_minor,
                balance_minor: 0,
                sequence: 1,
            };
            let postings = [posting(1, out), posting(to, into)];
            let (entry_id, currency) = (Uuid::nil(), "EUR".to_owned());
            Happened::EntryPosted(EntryPosted { entry_id, currency, posted_at_ms: 0, postings }).check()
        };
        assert_eq!(entry(-5, 5, 2), Ok(()));
        assert!(entry(-5, 6, 2).unwrap_err().contains("not balanced"));
        assert!(entry(i64::MIN, i64::MIN, 2).unwrap_err().contains("not balanced"));
        assert!(entry(-5, 5, 1).unwrap_err().contains("both"));
    }
}
