//! The body of an answer, whose end is the end of the call.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::BoxError;

use super::call::Call;

pin_project! {
    /// The body of an answer. It ends the call's span when its trailers have passed, when it has
    /// failed or when it is dropped.
    #[derive(Debug)]
    pub struct TracedBody<B> {
        #[pin]
        inner: B,
        call: Option<Call>,
    }
}

impl<B: Body> TracedBody<B> {
    pub(super) fn new(inner: B, mut call: Option<Call>) -> Self {
        // An empty body may never be polled.
        if inner.is_end_stream()
            && let Some(mut call) = call.take()
        {
            call.ended();
        }
        Self { inner, call }
    }
}

impl<B> Body for TracedBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let frame = {
            let _entered = this.call.as_ref().map(|call| call.span().enter());
            ready!(this.inner.as_mut().poll_frame(cx))
        };
        let Some(call) = this.call.as_mut() else {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        };
        let (frame, ended) = match frame {
            None => (None, true),
            Some(Ok(frame)) => {
                let trailers = frame.trailers_ref();
                if let Some(trailers) = trailers {
                    call.trailed(trailers);
                }
                let ended = trailers.is_some() || this.inner.is_end_stream();
                (Some(Ok(frame)), ended)
            }
            Some(Err(error)) => (Some(Err(call.failed(error.into()))), true),
        };
        if ended {
            call.ended();
            *this.call = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
