//! The response body, whose end is the end of the span.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::Exchange;

pin_project! {
    /// A response body that ends the request's span when it has been sent, has failed or is
    /// dropped.
    #[derive(Debug)]
    pub struct TracedBody<B> {
        #[pin]
        inner: B,
        exchange: Option<Exchange>,
    }
}

impl<B: Body> TracedBody<B> {
    pub(super) fn new(inner: B, exchange: Option<Exchange>) -> Self {
        // An empty body may never be polled.
        let exchange = exchange.filter(|_| !inner.is_end_stream());
        Self { inner, exchange }
    }
}

impl<B: Body> Body for TracedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = {
            let _entered = this.exchange.as_ref().map(|e| e.span().enter());
            ready!(this.inner.as_mut().poll_frame(cx))
        };
        let ended = match &frame {
            None => true,
            Some(Ok(_)) => this.inner.is_end_stream(),
            Some(Err(_)) => {
                if let Some(exchange) = this.exchange {
                    exchange.failed(std::any::type_name::<B::Error>());
                }
                true
            }
        };
        if ended {
            *this.exchange = None;
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
