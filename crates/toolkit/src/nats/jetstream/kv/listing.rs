//! The keys of a bucket, or the history of a key, until the last of them.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_nats::jetstream::kv::WatcherError;
use futures::{Stream, StreamExt};

use super::operation::{Bucket, Server, describe_found, fail};
use crate::db::call::{Call, Paused};

/// What `keys` and `history` give: the client's own stream, whose last item ends the span.
pub struct TracedListing<S> {
    inner: S,
    open: Option<Open>,
}

/// The operation, while there is more to come.
#[derive(Debug)]
struct Open {
    paused: Paused,
    name: &'static str,
    bucket: Arc<Bucket>,
    server: Option<Server>,
    found: usize,
}

impl<S> TracedListing<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { inner: stream, open: None }
    }

    /// Goes on with an operation that has begun.
    pub(super) fn traced(
        stream: S,
        paused: Paused,
        name: &'static str,
        bucket: &Arc<Bucket>,
        server: Option<Server>,
    ) -> Self {
        let open = Open { paused, name, bucket: Arc::clone(bucket), server, found: 0 };
        Self { inner: stream, open: Some(open) }
    }

    /// Ends the operation, as `outcome` says.
    fn end(&mut self, outcome: impl FnOnce(Call<'_>)) {
        let Some(Open { paused, name, bucket, server, found }) = self.open.take() else { return };
        let call = paused.resume(bucket.operation(name, server.as_ref()));
        call.describe(|fields, limits| describe_found(fields, limits, found));
        outcome(call);
    }
}

impl<T, S: Stream<Item = Result<T, WatcherError>> + Unpin> Stream for TracedListing<S> {
    type Item = Result<T, WatcherError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.inner.poll_next_unpin(cx));
        match &next {
            Some(Ok(_)) => {
                if let Some(open) = &mut self.open {
                    open.found += 1;
                }
            }
            Some(Err(error)) => self.end(|call| fail(call, error)),
            None => self.end(|call| call.succeed()),
        }
        Poll::Ready(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl<S> fmt::Debug for TracedListing<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedListing").field("open", &self.open).finish_non_exhaustive()
    }
}

impl<S> Drop for TracedListing<S> {
    fn drop(&mut self) {
        // Whoever did not wait for the last item has cancelled it.
        self.end(|call| drop(call));
    }
}
