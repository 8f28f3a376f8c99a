//! A store whose operations are traced.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::{
    CreateError, DeleteError, Entry, EntryError, History, HistoryError, Keys, Operation as Change,
    PurgeError, PutError, Store, UpdateError,
};
use bytes::Bytes;
use tracing::{Instrument, Span};

use super::failure::Failure;
use super::listing::TracedListing;
use super::operation::{Answer, Asked, Bucket, Server, fail};
use crate::core::Core;
use crate::db::call::Call;
use crate::layer::TelemetryLayer;
use crate::nats::connection::Connection;

/// A [`Store`] whose operations are traced. It derefs to the one underneath; the methods that ask
/// the server are replaced by traced ones of the same signature. Cheap to clone. Made by
/// [`TracedContext::key_value`](crate::nats::jetstream::TracedContext::key_value).
#[derive(Debug, Clone)]
pub struct TracedStore {
    inner: Arc<Store>,
    connection: Arc<Connection>,
    bucket: Arc<Bucket>,
}

impl Deref for TracedStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.inner
    }
}

impl TracedStore {
    pub(in crate::nats::jetstream) fn new(connection: &Arc<Connection>, store: Store) -> Self {
        let bucket = Arc::new(Bucket::of(&store));
        Self { inner: Arc::new(store), connection: Arc::clone(connection), bucket }
    }

    /// The store underneath.
    #[must_use]
    pub fn inner(&self) -> &Store {
        &self.inner
    }

    /// [`Store::get`] inside a CLIENT span. A key that is not there, or was deleted, is no error.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn get<T: Into<String>>(&self, key: T) -> Result<Option<Bytes>, EntryError> {
        let key = key.into();
        let asked = Asked { name: "get", key: Some(&key), ..Asked::default() };
        // As the client does it, which does not give the revision.
        let entry = async {
            let entry = self.inner.entry(key.as_str()).await?;
            Ok::<_, EntryError>(entry.filter(|entry| entry.operation == Change::Put))
        };
        let entry = self.run(asked, entry, |entry| Answer::entry(entry.as_ref())).await?;
        Ok(entry.map(|entry| entry.value))
    }

    /// [`Store::entry`] inside a CLIENT span. A key that is not there is no error.
    ///
    /// # Errors
    /// As [`Store::entry`].
    pub async fn entry<T: Into<String>>(&self, key: T) -> Result<Option<Entry>, EntryError> {
        let key = key.into();
        let asked = Asked { name: "get", key: Some(&key), ..Asked::default() };
        self.run(asked, self.inner.entry(key.as_str()), |entry| Answer::entry(entry.as_ref())).await
    }

    /// [`Store::entry_for_revision`] inside a CLIENT span. A revision that is not there is no
    /// error.
    ///
    /// # Errors
    /// As [`Store::entry_for_revision`].
    pub async fn entry_for_revision<T: Into<String>>(
        &self,
        key: T,
        revision: u64,
    ) -> Result<Option<Entry>, EntryError> {
        let key = key.into();
        let asked = Asked { name: "get", key: Some(&key), ..Asked::default() };
        let entry = self.inner.entry_for_revision(key.as_str(), revision);
        self.run(asked, entry, |entry| Answer::entry(entry.as_ref())).await
    }

    /// [`Store::put`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn put<T: AsRef<str>>(&self, key: T, value: Bytes) -> Result<u64, PutError> {
        let key = key.as_ref();
        let asked = Asked { name: "put", key: Some(key), size: Some(value.len()), expected: None };
        self.run(asked, self.inner.put(key, value), Answer::stored).await
    }

    /// [`Store::create`] inside a CLIENT span. That the key exists is an error, `already_exists`.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub async fn create<T: AsRef<str>>(&self, key: T, value: Bytes) -> Result<u64, CreateError> {
        let key = key.as_ref();
        let asked = Asked { name: "create", key: Some(key), size: Some(value.len()), expected: None };
        self.run(asked, self.inner.create(key, value), Answer::stored).await
    }

    /// [`Store::create_with_ttl`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Store::create_with_ttl`].
    pub async fn create_with_ttl<T: AsRef<str>>(
        &self,
        key: T,
        value: Bytes,
        ttl: Duration,
    ) -> Result<u64, CreateError> {
        let key = key.as_ref();
        let asked = Asked { name: "create", key: Some(key), size: Some(value.len()), expected: None };
        self.run(asked, self.inner.create_with_ttl(key, value, ttl), Answer::stored).await
    }

    /// [`Store::update`] inside a CLIENT span. That another revision is the last is an error,
    /// `wrong_last_revision`.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub async fn update<T: AsRef<str>>(
        &self,
        key: T,
        value: Bytes,
        revision: u64,
    ) -> Result<u64, UpdateError> {
        let key = key.as_ref();
        let size = Some(value.len());
        let asked = Asked { name: "update", key: Some(key), size, expected: Some(revision) };
        self.run(asked, self.inner.update(key, value, revision), Answer::stored).await
    }

    /// [`Store::delete`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Store::delete`].
    pub async fn delete<T: AsRef<str>>(&self, key: T) -> Result<(), DeleteError> {
        self.delete_expect_revision(key, None).await
    }

    /// [`Store::delete_expect_revision`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Store::delete_expect_revision`].
    pub async fn delete_expect_revision<T: AsRef<str>>(
        &self,
        key: T,
        revision: Option<u64>,
    ) -> Result<(), DeleteError> {
        let key = key.as_ref();
        let asked = Asked { name: "delete", key: Some(key), size: None, expected: revision };
        self.run(asked, self.inner.delete_expect_revision(key, revision), |()| Answer::default()).await
    }

    /// [`Store::purge`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Store::purge`].
    pub async fn purge<T: AsRef<str>>(&self, key: T) -> Result<(), PurgeError> {
        self.purge_expect_revision(key, None).await
    }

    /// [`Store::purge_expect_revision`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Store::purge_expect_revision`].
    pub async fn purge_expect_revision<T: AsRef<str>>(
        &self,
        key: T,
        revision: Option<u64>,
    ) -> Result<(), PurgeError> {
        let key = key.as_ref();
        let asked = Asked { name: "purge", key: Some(key), size: None, expected: revision };
        self.run(asked, self.inner.purge_expect_revision(key, revision), |()| Answer::default()).await
    }

    /// [`Store::purge_with_ttl`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Store::purge_with_ttl`].
    pub async fn purge_with_ttl<T: AsRef<str>>(&self, key: T, ttl: Duration) -> Result<(), PurgeError> {
        let key = key.as_ref();
        let asked = Asked { name: "purge", key: Some(key), ..Asked::default() };
        self.run(asked, self.inner.purge_with_ttl(key, ttl), |()| Answer::default()).await
    }

    /// [`Store::purge_expect_revision_with_ttl`] inside a CLIENT span.
    ///
    /// # Errors
    /// As [`Store::purge_expect_revision_with_ttl`].
    pub async fn purge_expect_revision_with_ttl<T: AsRef<str>>(
        &self,
        key: T,
        revision: u64,
        ttl: Duration,
    ) -> Result<(), PurgeError> {
        let key = key.as_ref();
        let asked = Asked { name: "purge", key: Some(key), size: None, expected: Some(revision) };
        let purge = self.inner.purge_expect_revision_with_ttl(key, revision, ttl);
        self.run(asked, purge, |()| Answer::default()).await
    }

    /// [`Store::keys`] inside a CLIENT span, which lasts until the last key.
    ///
    /// # Errors
    /// As [`Store::keys`].
    pub async fn keys(&self) -> Result<TracedListing<Keys>, HistoryError> {
        self.list(Asked { name: "keys", ..Asked::default() }, self.inner.keys()).await
    }

    /// [`Store::history`] inside a CLIENT span, which lasts until the last entry.
    ///
    /// # Errors
    /// As [`Store::history`].
    pub async fn history<T: AsRef<str>>(&self, key: T) -> Result<TracedListing<History>, HistoryError> {
        let key = key.as_ref();
        let asked = Asked { name: "history", key: Some(key), ..Asked::default() };
        self.list(asked, self.inner.history(key)).await
    }

    /// Runs an operation inside its span; `answer` reads what it answered.
    pub(super) async fn run<T, E: Failure>(
        &self,
        asked: Asked<'_>,
        operation: impl Future<Output = Result<T, E>>,
        answer: impl FnOnce(&T) -> Answer,
    ) -> Result<T, E> {
        let Some(core) = TelemetryLayer::current() else { return operation.await };
        let server = self.connection.server();
        let (call, span) = self.begin(core, asked, server.as_ref());
        let outcome = operation.instrument(span).await;
        match &outcome {
            Ok(answered) => {
                call.describe(|fields, limits| answer(answered).describe(fields, limits));
                call.succeed();
            }
            Err(error) => fail(call, error),
        }
        outcome
    }

    /// Runs an operation inside a span that lasts until the end of the stream it answers.
    async fn list<S>(
        &self,
        asked: Asked<'_>,
        operation: impl Future<Output = Result<S, HistoryError>>,
    ) -> Result<TracedListing<S>, HistoryError> {
        let Some(core) = TelemetryLayer::current() else {
            return Ok(TracedListing::new(operation.await?));
        };
        let server = self.connection.server();
        let (call, span) = self.begin(core, asked, server.as_ref());
        match operation.instrument(span).await {
            Ok(stream) => {
                let paused = call.pause();
                Ok(TracedListing::traced(stream, paused, asked.name, &self.bucket, server))
            }
            Err(error) => {
                fail(call, &error);
                Err(error)
            }
        }
    }

    fn begin<'a>(
        &'a self,
        core: Arc<Core>,
        asked: Asked<'_>,
        server: Option<&'a Server>,
    ) -> (Call<'a>, Span) {
        let span = tracing::info_span!("NATS key-value");
        let operation = self.bucket.operation(asked.name, server);
        let call =
            Call::begin(core, span.clone(), operation, |fields, limits| asked.describe(fields, limits));
        (call, span)
    }
}
