//! Keeps the pages that the Parquet writer has finished, so that [`super::chunk`] can complete them.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use parquet::arrow::arrow_writer::{PageKey, PageStore, PageStoreArgs, PageStoreFactory};
use parquet::errors::{ParquetError, Result};

/// Serialised header and body of each page of one column chunk, in the order in which they were finished.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages(Arc<Mutex<Vec<Bytes>>>);

impl Pages {
    /// The header and body of each page; leaves none.
    pub(super) fn take_all(&self) -> Vec<(Bytes, Bytes)> {
        let mut blobs = std::mem::take(&mut *self.0.lock()).into_iter();
        std::iter::from_fn(|| Some((blobs.next()?, blobs.next()?))).collect()
    }
}

/// Hands out a page buffer per column chunk and remembers it.
#[derive(Debug, Default)]
pub(super) struct PageCollector(Mutex<Vec<Pages>>);

impl PageCollector {
    /// The buffers handed out since the last call, in column order.
    pub(super) fn take(&self) -> Vec<Pages> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl PageStoreFactory for PageCollector {
    fn create(&self, _args: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        let pages = Pages::default();
        self.0.lock().push(pages.clone());
        Ok(Box::new(pages))
    }
}

impl PageStore for Pages {
    fn put(&mut self, value: Bytes) -> Result<PageKey> {
        let mut blobs = self.0.lock();
        blobs.push(value);
        Ok(PageKey::new(blobs.len() as u64 - 1))
    }

    fn take(&mut self, key: PageKey) -> Result<Bytes> {
        let blobs = self.0.lock();
        let at = usize::try_from(key.get()).unwrap_or(usize::MAX);
        blobs
            .get(at)
            .cloned()
            .ok_or_else(|| ParquetError::General("a page was asked for that was never stored".to_owned()))
    }

    fn memory_size(&self) -> usize {
        self.0.lock().iter().map(Bytes::len).sum()
    }
}
