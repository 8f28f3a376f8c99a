//! Watches: a span until the server has set one up.

use async_nats::jetstream::kv::{Watch, WatchError};

use super::operation::{Answer, Asked};
use super::store::TracedStore;

/// What all keys match.
const ALL: &str = ">";

impl TracedStore {
    /// [`Store::watch`](async_nats::jetstream::kv::Store::watch), set up inside a CLIENT span. So
    /// are the others; the entries make none.
    ///
    /// # Errors
    /// As the client's method.
    pub async fn watch<T: AsRef<str>>(&self, key: T) -> Result<Watch, WatchError> {
        self.set_up(Some(key.as_ref()), self.inner().watch(key.as_ref())).await
    }

    /// [`Store::watch_from_revision`](async_nats::jetstream::kv::Store::watch_from_revision), as [`TracedStore::watch`].
    ///
    /// # Errors
    /// As the client's method.
    pub async fn watch_from_revision<T: AsRef<str>>(
        &self,
        key: T,
        revision: u64,
    ) -> Result<Watch, WatchError> {
        self.set_up(Some(key.as_ref()), self.inner().watch_from_revision(key.as_ref(), revision)).await
    }

    /// [`Store::watch_with_history`](async_nats::jetstream::kv::Store::watch_with_history), as [`TracedStore::watch`].
    ///
    /// # Errors
    /// As the client's method.
    pub async fn watch_with_history<T: AsRef<str>>(&self, key: T) -> Result<Watch, WatchError> {
        self.set_up(Some(key.as_ref()), self.inner().watch_with_history(key.as_ref())).await
    }

    /// [`Store::watch_many`](async_nats::jetstream::kv::Store::watch_many), as [`TracedStore::watch`].
    ///
    /// # Errors
    /// As the client's method.
    pub async fn watch_many<T: AsRef<str>, K: IntoIterator<Item = T>>(
        &self,
        keys: K,
    ) -> Result<Watch, WatchError> {
        self.set_up(None, self.inner().watch_many(keys)).await
    }

    /// [`Store::watch_many_with_history`](async_nats::jetstream::kv::Store::watch_many_with_history), as [`TracedStore::watch`].
    ///
    /// # Errors
    /// As the client's method.
    pub async fn watch_many_with_history<T: AsRef<str>, K: IntoIterator<Item = T>>(
        &self,
        keys: K,
    ) -> Result<Watch, WatchError> {
        self.set_up(None, self.inner().watch_many_with_history(keys)).await
    }

    /// [`Store::watch_all`](async_nats::jetstream::kv::Store::watch_all), as [`TracedStore::watch`].
    ///
    /// # Errors
    /// As the client's method.
    pub async fn watch_all(&self) -> Result<Watch, WatchError> {
        self.set_up(Some(ALL), self.inner().watch_all()).await
    }

    /// [`Store::watch_all_from_revision`](async_nats::jetstream::kv::Store::watch_all_from_revision), as [`TracedStore::watch`].
    ///
    /// # Errors
    /// As the client's method.
    pub async fn watch_all_from_revision(&self, revision: u64) -> Result<Watch, WatchError> {
        self.set_up(Some(ALL), self.inner().watch_all_from_revision(revision)).await
    }

    async fn set_up(
        &self,
        key: Option<&str>,
        watch: impl Future<Output = Result<Watch, WatchError>>,
    ) -> Result<Watch, WatchError> {
        let asked = Asked { name: "watch", key, ..Asked::default() };
        self.run(asked, watch, |_| Answer::default()).await
    }
}
