//! The read-model's tables.

use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::database::{Database, Transaction};
use crate::events::{AccountOpened, EntryPosted};

pub(super) const SCHEMA: &[&str] = &[
    // `sequence` is that of the newest posting seen, `postings` how many were seen: when they are
    // the same, none is missing before it.
    "CREATE TABLE IF NOT EXISTS balances (
        account_id UUID PRIMARY KEY,
        currency TEXT NOT NULL,
        kind TEXT,
        opened_at_ms BIGINT,
        balance_minor BIGINT NOT NULL DEFAULT 0,
        sequence BIGINT NOT NULL DEFAULT 0,
        postings BIGINT NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS statements (
        account_id UUID NOT NULL,
        sequence BIGINT NOT NULL,
        entry_id UUID NOT NULL,
        counterparty_account_id UUID NOT NULL,
        amount_minor BIGINT NOT NULL,
        balance_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        posted_at_ms BIGINT NOT NULL,
        PRIMARY KEY (account_id, sequence),
        UNIQUE (entry_id, account_id))",
    "CREATE TABLE IF NOT EXISTS dead_letters (
        topic TEXT NOT NULL,
        topic_partition INT NOT NULL,
        topic_offset BIGINT NOT NULL,
        message_id TEXT,
        message_key BYTEA,
        payload BYTEA,
        reason TEXT NOT NULL,
        error TEXT NOT NULL,
        buried_at_ms BIGINT NOT NULL,
        PRIMARY KEY (topic, topic_partition, topic_offset))",
];

/// Notes who the account is; its balance may be known already.
pub(super) async fn open_account(
    database: &Database,
    transaction: &mut Transaction<'_>,
    opened: &AccountOpened,
) -> Result<(), sqlx::Error> {
    const SQL: &str =
        "INSERT INTO balances (account_id, currency, kind, opened_at_ms) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id) DO UPDATE SET kind = EXCLUDED.kind, opened_at_ms = EXCLUDED.opened_at_ms";
    database
        .query(SQL)
        .bind(opened.account_id)
        .bind(&opened.currency)
        .bind(opened.kind.as_str())
        .bind(opened.opened_at_ms)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Inserts both lines and moves both balances, in whatever order entries arrive: the newest
/// posting of an account says what its balance is.
pub(super) async fn post_entry(
    database: &Database,
    transaction: &mut Transaction<'_>,
    posted: &EntryPosted,
) -> Result<(), sqlx::Error> {
    const LINE: &str = "INSERT INTO statements (account_id, sequence, entry_id, counterparty_account_id,
            amount_minor, balance_minor, currency, posted_at_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    const BALANCE: &str = "INSERT INTO balances (account_id, currency, balance_minor, sequence, postings)
        VALUES ($1, $2, $3, $4, 1)
        ON CONFLICT (account_id) DO UPDATE SET
            balance_minor = CASE WHEN EXCLUDED.sequence > balances.sequence
                THEN EXCLUDED.balance_minor ELSE balances.balance_minor END,
            sequence = greatest(EXCLUDED.sequence, balances.sequence),
            postings = balances.postings + 1";
    let [from, to] = &posted.postings;
    let mut sides = [(from, to.account_id), (to, from.account_id)];
    // Rows are locked in one order by all, so that nobody waits in a circle.
    sides.sort_by_key(|(posting, _)| posting.account_id);
    for (posting, counterparty) in sides {
        database
            .query(LINE)
            .bind(posting.account_id)
            .bind(posting.sequence)
            .bind(posted.entry_id)
            .bind(counterparty)
            .bind(posting.amount_minor)
            .bind(posting.balance_minor)
            .bind(&posted.currency)
            .bind(posted.posted_at_ms)
            .execute(&mut **transaction)
            .await?;
        database
            .query(BALANCE)
            .bind(posting.account_id)
            .bind(&posted.currency)
            .bind(posting.balance_minor)
            .bind(posting.sequence)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

pub(super) async fn balance(database: &Database, id: Uuid) -> Result<Option<Value>, sqlx::Error> {
    const SQL: &str = "SELECT account_id, currency, kind, balance_minor, sequence, postings FROM balances
        WHERE account_id = $1";
    let row = database.query(SQL).bind(id).fetch_optional(database.pool()).await?;
    row.as_ref().map(balance_of).transpose()
}

/// Balances of accounts with ids beyond `after`.
pub(super) async fn balances(
    database: &Database,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Value>, sqlx::Error> {
    const SQL: &str = "SELECT account_id, currency, kind, balance_minor, sequence, postings FROM balances
        WHERE account_id > $1 ORDER BY account_id LIMIT $2";
    let rows = database.query(SQL).bind(after).bind(limit).fetch_all(database.pool()).await?;
    rows.iter().map(balance_of).collect()
}

/// The sum of all balances for each currency: 0 when everything has arrived.
pub(super) async fn totals(database: &Database) -> Result<Vec<Value>, sqlx::Error> {
    const SQL: &str =
        "SELECT currency, count(*) AS accounts, sum(balance_minor)::bigint AS balance_sum_minor,
            bool_and(sequence = postings) AS complete
        FROM balances GROUP BY currency ORDER BY currency";
    let total = |row: &PgRow| {
        Ok(json!({
            "currency": row.try_get::<String, _>("currency")?,
            "accounts": row.try_get::<i64, _>("accounts")?,
            "balance_sum_minor": row.try_get::<i64, _>("balance_sum_minor")?,
            "complete": row.try_get::<bool, _>("complete")?,
        }))
    };
    database.query(SQL).fetch_all(database.pool()).await?.iter().map(total).collect()
}

/// The account's postings before one of them, newest first.
pub(super) async fn statement(
    database: &Database,
    id: Uuid,
    before: i64,
    limit: i64,
) -> Result<Vec<Value>, sqlx::Error> {
    const SQL: &str = "SELECT sequence, entry_id, counterparty_account_id, amount_minor, balance_minor,
            currency, posted_at_ms
        FROM statements WHERE account_id = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3";
    let line = |row: &PgRow| {
        Ok(json!({
            "sequence": row.try_get::<i64, _>("sequence")?,
            "entry_id": row.try_get::<Uuid, _>("entry_id")?,
            "counterparty_account_id": row.try_get::<Uuid, _>("counterparty_account_id")?,
            "amount_minor": row.try_get::<i64, _>("amount_minor")?,
            "balance_minor": row.try_get::<i64, _>("balance_minor")?,
            "currency": row.try_get::<String, _>("currency")?,
            "posted_at_ms": row.try_get::<i64, _>("posted_at_ms")?,
        }))
    };
    let query = database.query(SQL).bind(id).bind(before).bind(limit);
    query.fetch_all(database.pool()).await?.iter().map(line).collect()
}

fn balance_of(row: &PgRow) -> Result<Value, sqlx::Error> {
    let (sequence, postings): (i64, i64) = (row.try_get("sequence")?, row.try_get("postings")?);
    Ok(json!({
        "account_id": row.try_get::<Uuid, _>("account_id")?,
        "currency": row.try_get::<String, _>("currency")?,
        "kind": row.try_get::<Option<String>, _>("kind")?,
        "balance_minor": row.try_get::<i64, _>("balance_minor")?,
        "sequence": sequence,
        "complete": sequence == postings,
    }))
}
