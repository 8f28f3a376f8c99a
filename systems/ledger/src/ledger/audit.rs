//! Whether the books balance: every rule of double entry, checked on one snapshot.

use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::database::Database;

/// For each currency the sum of all balances, which is 0; and how much breaks a rule, which is
/// nothing.
pub(super) async fn audit(database: &Database) -> Result<Value, sqlx::Error> {
    let mut transaction = database.begin().await?;
    database
        .query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *transaction)
        .await?;
    let sums = database.query(SUMS).fetch_all(&mut *transaction).await?;
    let breaches = database.query(BREACHES).fetch_one(&mut *transaction).await?;
    transaction.rollback().await?;
    let sums = sums.iter().map(sum_of).collect::<Result<Vec<Value>, sqlx::Error>>()?;
    let number = |name: &str| breaches.try_get::<i64, _>(name);
    let (unbalanced, differing) = (number("unbalanced_entries")?, number("differing_accounts")?);
    let gaps = number("accounts_with_gaps")?;
    let off = sums.iter().any(|sum| sum["balance_sum_minor"] != 0);
    Ok(json!({
        "balanced": !off && unbalanced == 0 && differing == 0 && gaps == 0,
        "currencies": sums,
        "entries": number("entries")?,
        "postings": number("postings")?,
        "unbalanced_entries": unbalanced,
        "differing_accounts": differing,
        "accounts_with_gaps": gaps,
    }))
}

const SUMS: &str = "SELECT currency, count(*) AS accounts, sum(balance_minor)::bigint AS balance_sum_minor
    FROM accounts GROUP BY currency ORDER BY currency";

const BREACHES: &str = "SELECT
    (SELECT count(*) FROM entries) AS entries,
    (SELECT count(*) FROM postings) AS postings,
    (SELECT count(*) FROM entries e WHERE
        (SELECT count(*) <> 2 OR sum(p.amount_minor) <> 0 FROM postings p WHERE p.entry_id = e.entry_id))
        AS unbalanced_entries,
    (SELECT count(*) FROM accounts a WHERE a.balance_minor <> coalesce(
        (SELECT sum(p.amount_minor) FROM postings p WHERE p.account_id = a.account_id), 0))
        AS differing_accounts,
    (SELECT count(*) FROM accounts a WHERE a.sequence <>
        (SELECT count(*) FROM postings p WHERE p.account_id = a.account_id))
        AS accounts_with_gaps";

fn sum_of(row: &PgRow) -> Result<Value, sqlx::Error> {
    Ok(json!({
        "currency": row.try_get::<String, _>("currency")?,
        "accounts": row.try_get::<i64, _>("accounts")?,
        "balance_sum_minor": row.try_get::<i64, _>("balance_sum_minor")?,
    }))
}
