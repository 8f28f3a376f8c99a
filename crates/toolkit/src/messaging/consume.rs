//! Handling messages: what the span is below, what it is linked to, what the handler answers.

use std::borrow::Cow;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

use super::operation::{Operation, Running};
use crate::layer::active;
use crate::propagation::TraceContext;
use crate::record_error::{Boxed, Typed};

/// The answer of a handler: a `Result`, whose error is recorded on the span and counted, or
/// nothing. The error may be any [`Error`], a `Box<dyn Error + Send + Sync>` or an
/// `anyhow::Error`.
pub trait Outcome<Mark> {
    /// What went wrong, and the name of its type.
    fn failure(&self) -> Option<(&(dyn Error + 'static), &'static str)>;
}

/// Marks how [`Outcome`] sees an answer that is no `Result`. Never written by hand.
#[derive(Debug)]
pub struct Nothing;

impl Outcome<Nothing> for () {
    fn failure(&self) -> Option<(&(dyn Error + 'static), &'static str)> {
        None
    }
}

impl<T, E: Error + 'static> Outcome<Typed> for Result<T, E> {
    fn failure(&self) -> Option<(&(dyn Error + 'static), &'static str)> {
        self.as_ref().err().map(|error| (error as _, std::any::type_name::<E>()))
    }
}

impl<T, E: AsRef<dyn Error + Send + Sync>> Outcome<Boxed> for Result<T, E> {
    fn failure(&self) -> Option<(&(dyn Error + 'static), &'static str)> {
        let error = self.as_ref().err()?;
        Some((error.as_ref() as _, std::any::type_name::<E>()))
    }
}

/// What the span that handles one message is a child of: where the message was created, or else
/// the current span. `None` stands for the latter.
pub(crate) fn parent<'a>(
    operation: &Operation<'_>,
    creation: &'a TraceContext,
) -> Option<Cow<'a, TraceContext>> {
    consumed(operation, creation);
    if creation.is_valid() {
        return Some(Cow::Borrowed(creation));
    }
    // Baggage can come without a context.
    let baggage = creation.baggage.clone()?;
    Some(Cow::Owned(TraceContext { baggage: Some(baggage), ..TraceContext::current() }))
}

/// A message is handled that was created in the context `creation`, or in none: then its sender is
/// not instrumented, or the context was lost on the way. Every message that is handled passes here.
pub(crate) fn consumed(operation: &Operation<'_>, creation: &TraceContext) {
    if creation.is_valid() {
        return;
    }
    #[cfg(feature = "audit")]
    if let Some(core) = crate::layer::TelemetryLayer::current() {
        let (system, destination) = (operation.system.name, operation.destination.shown());
        crate::audit::message_without_context(&core, system, destination);
    }
    #[cfg(not(feature = "audit"))]
    let _nobody_asks = operation;
}

/// Runs a handler as this operation, which ends as its answer says; an `error.type` that the handler
/// recorded on the span itself stays. When nothing is traced, it
/// runs below `creation`, so that what it sends carries the context on.
pub(crate) async fn handle<Mark, R: Outcome<Mark>>(
    running: Option<Running>,
    creation: &TraceContext,
    handler: impl Future<Output = R>,
) -> R {
    let Some(running) = running else {
        return Below { context: creation.clone(), inner: handler }.await;
    };
    let answer = Inside { span: running.span(), handler: Some(handler) }.await;
    match answer.failure() {
        None => running.succeed(),
        Some((error, error_type)) => running.fail_as_recorded(error, error_type),
    }
    answer
}

pin_project! {
    /// Runs a handler inside its span. What `tracing` has for it enters the span once more after
    /// the end, and takes a reference to it.
    struct Inside<'a, F> {
        span: &'a Span,
        // Until it has ended.
        #[pin]
        handler: Option<F>,
    }

    impl<F> PinnedDrop for Inside<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.handler.is_some() {
                let _entered = this.span.enter();
                this.handler.set(None);
            }
        }
    }
}

impl<F: Future> Future for Inside<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _entered = this.span.enter();
        match this.handler.as_mut().as_pin_mut().map(|handler| handler.poll(cx)) {
            Some(Poll::Ready(answer)) => {
                this.handler.set(None);
                Poll::Ready(answer)
            }
            // It has ended: as any future may, it then stays as it is.
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }
}

pin_project! {
    /// Runs a future below a context that was received, without a span.
    struct Below<F> {
        context: TraceContext,
        #[pin]
        inner: F,
    }
}

impl<F: Future> Future for Below<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let carries = this.context.is_valid() || this.context.baggage.is_some();
        let _parent = carries.then(|| active::push_parent(this.context.clone()));
        this.inner.poll(cx)
    }
}
