//! One message, projected: once, whole, or not at all.

use std::time::Duration;

use throughline_toolkit::opentelemetry::KeyValue;
use throughline_toolkit::opentelemetry::metrics::Counter;
use throughline_toolkit::outbox::Inbox;
use throughline_toolkit::{RecordError as _, Telemetry};
use tracing::Instrument as _;
use uuid::Uuid;

use super::dead_letters::{self, Poison, Reason};
use super::store;
use crate::database::{self, Database};
use crate::events::Happened;

/// Under which name the inbox remembers messages: the database's own, whatever group reads.
const INBOX: &str = "read-model";

/// Longest time of one try: a database that hangs says nothing.
const LIMIT: Duration = Duration::from_secs(10);

/// A message as the topic has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// The id it has in every delivery.
    pub(super) id: Option<&'a str>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) payload: Option<&'a [u8]>,
}

#[derive(Debug)]
pub(super) struct Projection {
    database: Database,
    projected: Counter<u64>,
    duplicates: Counter<u64>,
    buried: Counter<u64>,
}

/// Why a message was not projected.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// No later try will do better.
    #[error(transparent)]
    Poison(#[from] Poison),
    /// The database is at fault: try again.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Projection {
    pub(super) fn new(database: Database, telemetry: &Telemetry) -> Self {
        let meter = telemetry.meter("ledger");
        let counter =
            |name: &'static str, text: &'static str| meter.u64_counter(name).with_description(text).build();
        Self {
            database,
            projected: counter("projected_events_total", "Events that were projected, by type."),
            duplicates: counter("projection_duplicates_total", "Deliveries of what was projected before."),
            buried: counter("dead_letters_total", "Messages that cannot be projected, by reason."),
        }
    }

    /// Projects the message or buries it. After an error neither is known to have happened: try
    /// again.
    pub(super) async fn take(&self, letter: Letter<'_>) -> Result<(), sqlx::Error> {
        let taken = tokio::time::timeout(LIMIT, self.project_or_bury(letter)).await;
        taken.unwrap_or_else(|late| Err(sqlx::Error::Io(late.into())))
    }

    async fn project_or_bury(&self, letter: Letter<'_>) -> Result<(), sqlx::Error> {
        match self.read_and_project(letter).await {
            Ok(()) => Ok(()),
            Err(Failed::Database(error)) => Err(error),
            Err(Failed::Poison(poison)) => {
                dead_letters::bury(&self.database, letter, &poison).await?;
                self.buried.add(1, &[KeyValue::new("reason", poison.reason.as_str())]);
                Ok(())
            }
        }
    }

    async fn read_and_project(&self, letter: Letter<'_>) -> Result<(), Failed> {
        let (id, happened) = read(letter).record_error_as("unreadable")?;
        let span = tracing::info_span!(
            "consume",
            otel.name = format!("consume {}", happened.name()),
            event_id = %id,
            event_type = happened.name(),
            aggregate_id = %happened.aggregate_id(),
            kafka.topic = letter.topic,
        );
        async { self.project(id, &happened).await.record_error() }.instrument(span).await
    }

    async fn project(&self, id: Uuid, happened: &Happened) -> Result<(), Failed> {
        let mut transaction = self.database.begin().await?;
        if !Inbox::first(&mut *transaction, INBOX, &id.to_string()).await? {
            self.duplicates.add(1, &[]);
            return Ok(transaction.rollback().await?);
        }
        let written = match happened {
            Happened::AccountOpened(opened) => {
                store::open_account(&self.database, &mut transaction, opened).await
            }
            Happened::EntryPosted(posted) => {
                store::post_entry(&self.database, &mut transaction, posted).await
            }
        };
        match written {
            Err(error) if database::is_contradiction(&error) => {
                return Err(Poison::new(Reason::Contradiction, error.to_string()).into());
            }
            written => written?,
        }
        transaction.commit().await?;
        self.projected.add(1, &[KeyValue::new("event", happened.name())]);
        Ok(())
    }
}

fn read(letter: Letter<'_>) -> Result<(Uuid, Happened), Poison> {
    let id = letter.id.ok_or_else(|| Poison::new(Reason::NoId, "the message has no id"))?;
    let id = Uuid::try_parse(id).map_err(|error| Poison::new(Reason::NoId, error.to_string()))?;
    let payload = letter.payload.unwrap_or_default();
    let happened: Happened = serde_json::from_slice(payload)
        .map_err(|error| Poison::new(Reason::Unreadable, error.to_string()))?;
    happened.check().map_err(|error| Poison::new(Reason::Contradiction, error))?;
    Ok((id, happened))
}
