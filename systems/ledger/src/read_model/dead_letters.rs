//! Messages that no try will project: kept whole, with the reason, so that the others go on.

use super::projection::Letter;
use crate::clock;
use crate::database::Database;

/// Why a message cannot be projected, in few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nothing tells it from another delivery of itself.
    NoId,
    /// It is no event of ours.
    Unreadable,
    /// It contradicts itself, or what was projected before.
    Contradiction,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NoId => "no_id",
            Self::Unreadable => "unreadable",
            Self::Contradiction => "contradiction",
        }
    }
}

/// A message cannot be projected.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Poison {
    pub(super) reason: Reason,
    message: String,
}

impl Poison {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// Keeps the message where people look for what went wrong.
pub(super) async fn bury(
    database: &Database,
    letter: Letter<'_>,
    poison: &Poison,
) -> Result<(), sqlx::Error> {
    const SQL: &str = "INSERT INTO dead_letters (topic, topic_partition, topic_offset, message_id,
            message_key, payload, reason, error, buried_at_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    database
        .query(SQL)
        .bind(letter.topic)
        .bind(letter.partition)
        .bind(letter.offset)
        .bind(letter.id.map(|id| id.replace('\0', "\u{fffd}")))
        .bind(letter.key)
        .bind(letter.payload)
        .bind(poison.reason.as_str())
        .bind(poison.message.replace('\0', "\u{fffd}"))
        .bind(clock::now_ms())
        .execute(database.pool())
        .await?;
    let Letter { topic, partition, offset, .. } = letter;
    tracing::error!(%topic, partition, offset, error = %poison, "a message is buried: it cannot be projected");
    Ok(())
}
