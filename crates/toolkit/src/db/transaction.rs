//! A transaction whose end is traced.

use std::ops::{Deref, DerefMut};

use sqlx::{Database, Transaction};

use super::product::Place;

/// A transaction begun by [`super::TracedPool::begin`]. Use `&mut *tx` as the executor of a query.
///
/// Dropped without [`TracedTransaction::commit`] it is rolled back, as sqlx does it: when the
/// connection is used next, and without a span.
#[derive(Debug)]
pub struct TracedTransaction<'p, DB: Database> {
    inner: Transaction<'static, DB>,
    place: &'p Place,
}

impl<'p, DB: Database> TracedTransaction<'p, DB> {
    pub(super) fn new(inner: Transaction<'static, DB>, place: &'p Place) -> Self {
        Self { inner, place }
    }

    /// Makes what was done last.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.place.query("COMMIT").run(self.inner.commit()).await
    }

    /// Undoes what was done.
    ///
    /// # Errors
    /// As [`Transaction::rollback`].
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.place.query("ROLLBACK").run(self.inner.rollback()).await
    }

    /// sqlx's own transaction, for code that asks for one.
    pub fn inner_mut(&mut self) -> &mut Transaction<'static, DB> {
        &mut self.inner
    }
}

impl<DB: Database> Deref for TracedTransaction<'_, DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<DB: Database> DerefMut for TracedTransaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}
