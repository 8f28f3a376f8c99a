//! The ledger's tables.

use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::rules::Account;
use crate::account::AccountKind;
use crate::answer::Answer;
use crate::database::{Database, Transaction};
use crate::error::ApiError;
use crate::events::Posting;
use crate::order::Order;

pub(super) const SCHEMA: &[&str] = &[
    // Copies of what accounts says, with the balances, which are the ledger's own.
    "CREATE TABLE IF NOT EXISTS accounts (
        account_id UUID PRIMARY KEY,
        currency TEXT NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        kind TEXT NOT NULL CHECK (kind IN ('customer', 'external')),
        balance_minor BIGINT NOT NULL DEFAULT 0 CHECK (kind = 'external' OR balance_minor >= 0),
        sequence BIGINT NOT NULL DEFAULT 0 CHECK (sequence >= 0))",
    "CREATE TABLE IF NOT EXISTS entries (
        entry_id UUID PRIMARY KEY,
        idempotency_key TEXT NOT NULL,
        from_account_id UUID NOT NULL REFERENCES accounts,
        to_account_id UUID NOT NULL REFERENCES accounts,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        posted_at_ms BIGINT NOT NULL,
        CHECK (from_account_id <> to_account_id))",
    "CREATE TABLE IF NOT EXISTS postings (
        account_id UUID NOT NULL REFERENCES accounts,
        sequence BIGINT NOT NULL,
        entry_id UUID NOT NULL REFERENCES entries,
        amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
        balance_minor BIGINT NOT NULL,
        PRIMARY KEY (account_id, sequence),
        UNIQUE (entry_id, account_id))",
    // What became of each order. The answer is there whenever the row can be seen.
    "CREATE TABLE IF NOT EXISTS requests (
        idempotency_key TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        status INT,
        answer TEXT,
        decided_at_ms BIGINT)",
    "CREATE INDEX IF NOT EXISTS requests_decided ON requests (decided_at_ms)",
    // A key may come again once `requests` has forgotten it: tables made when it could not.
    "DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_constraint
            WHERE conrelid = 'entries'::regclass AND conname = 'entries_idempotency_key_key')
        THEN ALTER TABLE entries DROP CONSTRAINT entries_idempotency_key_key;
        END IF;
    END $$",
];

/// Makes the key this transaction's. `false`: another one had it and has committed. A transaction
/// that holds it and is still open is waited for.
pub(super) async fn claim(
    database: &Database,
    transaction: &mut Transaction<'_>,
    order: &Order,
) -> Result<bool, sqlx::Error> {
    let claimed = database
        .query("INSERT INTO requests (idempotency_key, fingerprint) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(&order.key)
        .bind(order.fingerprint())
        .execute(&mut **transaction)
        .await?;
    Ok(claimed.rows_affected() == 1)
}

/// The fingerprint of the order that has the key, and its answer.
pub(super) async fn decided(
    database: &Database,
    transaction: &mut Transaction<'_>,
    key: &str,
) -> Result<(String, Answer), ApiError> {
    let row = database
        .query("SELECT fingerprint, status, answer FROM requests WHERE idempotency_key = $1")
        .bind(key)
        .fetch_optional(&mut **transaction)
        .await?;
    // Its time was over since the key was found taken: now it is free.
    let row = row.ok_or(ApiError::Conflict(sqlx::Error::RowNotFound))?;
    let status: Option<i32> = row.try_get("status")?;
    let status = status.and_then(|status| u16::try_from(status).ok());
    let body: Option<String> = row.try_get("answer")?;
    let Some(answer) = status.zip(body).and_then(|(status, body)| Answer::kept(status, body)) else {
        return Err(ApiError::Internal(format!("the order under {key:?} was committed without an answer")));
    };
    Ok((row.try_get("fingerprint")?, answer))
}

/// Writes the answer beside the key that was claimed.
pub(super) async fn decide(
    database: &Database,
    transaction: &mut Transaction<'_>,
    key: &str,
    answer: &Answer,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    database
        .query("UPDATE requests SET status = $2, answer = $3, decided_at_ms = $4 WHERE idempotency_key = $1")
        .bind(key)
        .bind(i32::from(answer.status.as_u16()))
        .bind(&answer.body)
        .bind(now_ms)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Removes answers given before that time, at most `limit` of them, and says how many those were.
/// An order that has none yet is not among them; one that is being asked for is left for the next
/// time.
pub(super) async fn forget(database: &Database, before_ms: i64, limit: u32) -> Result<u64, sqlx::Error> {
    const SQL: &str = "DELETE FROM requests WHERE idempotency_key IN
        (SELECT idempotency_key FROM requests WHERE decided_at_ms < $1
            ORDER BY decided_at_ms LIMIT $2 FOR UPDATE SKIP LOCKED)";
    // Without a span: a look that finds nothing is no trace, and a log line tells of the others.
    let removed = sqlx::query(SQL).bind(before_ms).bind(i64::from(limit)).execute(database.pool()).await?;
    Ok(removed.rows_affected())
}

/// Locks the accounts of an order that are known, in the order of their ids, so that no two
/// transactions wait for each other.
pub(super) async fn lock(
    database: &Database,
    transaction: &mut Transaction<'_>,
    order: &Order,
) -> Result<Vec<Account>, ApiError> {
    const SQL: &str = "SELECT account_id, currency, kind, balance_minor, sequence FROM accounts
        WHERE account_id IN ($1, $2) ORDER BY account_id FOR UPDATE";
    let rows = database.query(SQL).bind(order.from).bind(order.to).fetch_all(&mut **transaction).await?;
    rows.iter().map(account_of).collect()
}

/// Writes an entry: itself, its postings, the balances.
pub(super) async fn write(
    database: &Database,
    transaction: &mut Transaction<'_>,
    entry_id: Uuid,
    order: &Order,
    postings: &[Posting; 2],
    now_ms: i64,
) -> Result<(), ApiError> {
    const ENTRY: &str = "INSERT INTO entries (entry_id, idempotency_key, from_account_id, to_account_id,
        amount_minor, currency, posted_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    const POSTINGS: &str =
        "INSERT INTO postings (account_id, sequence, entry_id, amount_minor, balance_minor)
        VALUES ($1, $2, $3, $4, $5), ($6, $7, $3, $8, $9)";
    const BALANCES: &str = "UPDATE accounts SET balance_minor = new.balance_minor, sequence = new.sequence
        FROM (VALUES ($1::uuid, $2::bigint, $3::bigint), ($4, $5, $6)) new (account_id, sequence, balance_minor)
        WHERE accounts.account_id = new.account_id AND accounts.sequence = new.sequence - 1";
    database
        .query(ENTRY)
        .bind(entry_id)
        .bind(&order.key)
        .bind(order.from)
        .bind(order.to)
        .bind(order.amount.minor())
        .bind(order.currency.as_str())
        .bind(now_ms)
        .execute(&mut **transaction)
        .await?;
    let [from, to] = postings;
    database
        .query(POSTINGS)
        .bind(from.account_id)
        .bind(from.sequence)
        .bind(entry_id)
        .bind(from.amount_minor)
        .bind(from.balance_minor)
        .bind(to.account_id)
        .bind(to.sequence)
        .bind(to.amount_minor)
        .bind(to.balance_minor)
        .execute(&mut **transaction)
        .await?;
    let updated = database
        .query(BALANCES)
        .bind(from.account_id)
        .bind(from.sequence)
        .bind(from.balance_minor)
        .bind(to.account_id)
        .bind(to.sequence)
        .bind(to.balance_minor)
        .execute(&mut **transaction)
        .await?
        .rows_affected();
    if updated == 2 {
        Ok(())
    } else {
        Err(ApiError::Internal(format!("{updated} balances changed for an entry of two postings")))
    }
}

/// Remembers an account that accounts told us of.
pub(super) async fn learn(
    database: &Database,
    id: Uuid,
    currency: &str,
    kind: AccountKind,
) -> Result<(), sqlx::Error> {
    database
        .query("INSERT INTO accounts (account_id, currency, kind) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(id)
        .bind(currency)
        .bind(kind.as_str())
        .execute(database.pool())
        .await?;
    Ok(())
}

/// An account with its balance.
pub(super) async fn account(database: &Database, id: Uuid) -> Result<Option<Account>, ApiError> {
    const SQL: &str =
        "SELECT account_id, currency, kind, balance_minor, sequence FROM accounts WHERE account_id = $1";
    let row = database.query(SQL).bind(id).fetch_optional(database.pool()).await?;
    row.as_ref().map(account_of).transpose()
}

/// An entry with its postings, as clients see it.
pub(super) async fn entry(database: &Database, id: Uuid) -> Result<Option<Value>, ApiError> {
    const SQL: &str = "SELECT e.idempotency_key, e.from_account_id, e.to_account_id, e.currency,
            e.amount_minor AS entry_amount_minor, e.posted_at_ms,
            p.account_id, p.sequence, p.amount_minor, p.balance_minor
        FROM entries e JOIN postings p USING (entry_id) WHERE e.entry_id = $1 ORDER BY p.amount_minor";
    let rows = database.query(SQL).bind(id).fetch_all(database.pool()).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let posting = |row: &PgRow| {
        Ok(json!({
            "account_id": row.try_get::<Uuid, _>("account_id")?,
            "sequence": row.try_get::<i64, _>("sequence")?,
            "amount_minor": row.try_get::<i64, _>("amount_minor")?,
            "balance_minor": row.try_get::<i64, _>("balance_minor")?,
        }))
    };
    let postings = rows.iter().map(posting).collect::<Result<Vec<Value>, sqlx::Error>>()?;
    Ok(Some(json!({
        "entry_id": id,
        "idempotency_key": first.try_get::<String, _>("idempotency_key")?,
        "from_account_id": first.try_get::<Uuid, _>("from_account_id")?,
        "to_account_id": first.try_get::<Uuid, _>("to_account_id")?,
        "amount_minor": first.try_get::<i64, _>("entry_amount_minor")?,
        "currency": first.try_get::<String, _>("currency")?,
        "posted_at_ms": first.try_get::<i64, _>("posted_at_ms")?,
        "postings": postings,
    })))
}

fn account_of(row: &PgRow) -> Result<Account, ApiError> {
    Ok(Account {
        id: row.try_get("account_id")?,
        currency: row.try_get("currency")?,
        kind: AccountKind::parse(row.try_get("kind")?)?,
        balance_minor: row.try_get("balance_minor")?,
        sequence: row.try_get("sequence")?,
    })
}
