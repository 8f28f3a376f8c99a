//! The `users` table.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::User;
use crate::database::Database;

const SCHEMA: &[&str] = &["CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL, created_at BIGINT NOT NULL)"];

pub(super) struct UserStore(Database);

fn user(row: &AnyRow) -> Result<User, sqlx::Error> {
    Ok(User {
        id: row.try_get("id")?,
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        created_at: row.try_get("created_at")?,
    })
}

impl UserStore {
    pub(super) async fn open(url: &str) -> anyhow::Result<Self> {
        Ok(Self(Database::open(url, SCHEMA).await?))
    }

    pub(super) async fn insert(&self, new: &User) -> Result<(), sqlx::Error> {
        const SQL: &str = "INSERT INTO users (id, username, email, created_at) VALUES ($1, $2, $3, $4)";
        let insert = sqlx::query(SQL).bind(&new.id).bind(&new.username).bind(&new.email).bind(new.created_at);
        self.0.query(SQL).run(insert.execute(&self.0.pool)).await.map(|_| ())
    }

    pub(super) async fn get(&self, id: &str) -> Result<Option<User>, sqlx::Error> {
        const SQL: &str = "SELECT id, username, email, created_at FROM users WHERE id = $1";
        let select = sqlx::query(SQL).bind(id).fetch_optional(&self.0.pool);
        let row = self.0.query(SQL).run_counted(select, |row| usize::from(row.is_some())).await?;
        row.as_ref().map(user).transpose()
    }

    pub(super) async fn list(&self, limit: i64, offset: i64) -> Result<Vec<User>, sqlx::Error> {
        const SQL: &str = "SELECT id, username, email, created_at FROM users ORDER BY created_at DESC, id LIMIT $1 OFFSET $2";
        let select = sqlx::query(SQL).bind(limit).bind(offset).fetch_all(&self.0.pool);
        self.0.query(SQL).run_counted(select, Vec::len).await?.iter().map(user).collect()
    }

    pub(super) async fn update_email(&self, id: &str, email: &str) -> Result<(), sqlx::Error> {
        const SQL: &str = "UPDATE users SET email = $1 WHERE id = $2";
        let update = sqlx::query(SQL).bind(email).bind(id).execute(&self.0.pool);
        self.0.query(SQL).run(update).await.map(|_| ())
    }

    pub(super) async fn delete(&self, id: &str) -> Result<(), sqlx::Error> {
        const SQL: &str = "DELETE FROM users WHERE id = $1";
        let delete = sqlx::query(SQL).bind(id).execute(&self.0.pool);
        self.0.query(SQL).run(delete).await.map(|_| ())
    }
}
