//! The `credentials` and `refresh_tokens` tables.

use sqlx::Row as _;

use crate::database::{Database, now};

const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS credentials (
        user_id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL, created_at BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS refresh_tokens (
        digest TEXT PRIMARY KEY, user_id TEXT NOT NULL, username TEXT NOT NULL, expires_at BIGINT NOT NULL)",
];

pub(super) struct CredentialStore(Database);

pub(super) struct Credential {
    pub(super) user_id: String,
    pub(super) username: String,
    pub(super) password_hash: String,
}

pub(super) struct TakenToken {
    pub(super) user_id: String,
    pub(super) username: String,
    pub(super) expires_at: i64,
}

impl CredentialStore {
    pub(super) async fn open(url: &str) -> anyhow::Result<Self> {
        Ok(Self(Database::open(url, SCHEMA).await?))
    }

    pub(super) async fn insert(&self, id: &str, username: &str, hash: &str) -> Result<(), sqlx::Error> {
        const SQL: &str =
            "INSERT INTO credentials (user_id, username, password_hash, created_at) VALUES ($1, $2, $3, $4)";
        let insert = sqlx::query(SQL).bind(id).bind(username).bind(hash).bind(now());
        self.0.query(SQL).run(insert.execute(&self.0.pool)).await.map(|_| ())
    }

    pub(super) async fn find(&self, username: &str) -> Result<Option<Credential>, sqlx::Error> {
        const SQL: &str = "SELECT user_id, username, password_hash FROM credentials WHERE username = $1";
        let select = sqlx::query(SQL).bind(username).fetch_optional(&self.0.pool);
        let row = self.0.query(SQL).run_counted(select, |row| usize::from(row.is_some())).await?;
        let credential = |row: sqlx::any::AnyRow| {
            Ok(Credential {
                user_id: row.try_get("user_id")?,
                username: row.try_get("username")?,
                password_hash: row.try_get("password_hash")?,
            })
        };
        row.map(credential).transpose()
    }

    pub(super) async fn insert_refresh(
        &self,
        digest: &str,
        user_id: &str,
        username: &str,
        expires_at: i64,
    ) -> Result<(), sqlx::Error> {
        const SQL: &str =
            "INSERT INTO refresh_tokens (digest, user_id, username, expires_at) VALUES ($1, $2, $3, $4)";
        let insert = sqlx::query(SQL).bind(digest).bind(user_id).bind(username).bind(expires_at);
        self.0.query(SQL).run(insert.execute(&self.0.pool)).await.map(|_| ())
    }

    /// Removes a refresh token, so that it works once; what it was, if it was there.
    pub(super) async fn take_refresh(&self, digest: &str) -> Result<Option<TakenToken>, sqlx::Error> {
        const SQL: &str =
            "DELETE FROM refresh_tokens WHERE digest = $1 RETURNING user_id, username, expires_at";
        let delete = sqlx::query(SQL).bind(digest).fetch_optional(&self.0.pool);
        let row = self.0.query(SQL).run_counted(delete, |row| usize::from(row.is_some())).await?;
        let taken = |row: sqlx::any::AnyRow| {
            Ok(TakenToken {
                user_id: row.try_get("user_id")?,
                username: row.try_get("username")?,
                expires_at: row.try_get("expires_at")?,
            })
        };
        row.map(taken).transpose()
    }
}
