//! How operations fail: by what the client checks, by an answer, or for lack of one.

use std::error::Error;
use std::iter::successors;

use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::kv::{
    CreateError, CreateErrorKind, EntryError, EntryErrorKind, PutError, PutErrorKind, UpdateError,
    UpdateErrorKind, WatchError, WatchErrorKind, WatcherError,
};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind, DirectGetError, DirectGetErrorKind};
use async_nats::{RequestError, StatusCode, jetstream};

use crate::nats::semconv::{request_error, stream_error};

/// An error of the store.
pub(super) trait Failure: Error + Sized + 'static {
    /// What the store itself says it is.
    fn own_type(&self) -> Option<&'static str>;

    /// `error.type`.
    fn error_type(&self) -> &'static str {
        self.own_type().or_else(|| chain(self).find_map(cause)).unwrap_or("_OTHER")
    }

    /// `db.response.status_code`, when the server answered.
    fn status_code(&self) -> Option<String> {
        chain(self).find_map(answered)
    }
}

impl Failure for PutError {
    fn own_type(&self) -> Option<&'static str> {
        match self.kind() {
            PutErrorKind::InvalidKey => Some("invalid_key"),
            PutErrorKind::Publish | PutErrorKind::Ack => None,
        }
    }
}

impl Failure for CreateError {
    fn own_type(&self) -> Option<&'static str> {
        match self.kind() {
            CreateErrorKind::AlreadyExists => Some("already_exists"),
            CreateErrorKind::InvalidKey => Some("invalid_key"),
            CreateErrorKind::Publish | CreateErrorKind::Ack | CreateErrorKind::Other => None,
        }
    }
}

impl Failure for UpdateError {
    fn own_type(&self) -> Option<&'static str> {
        match self.kind() {
            UpdateErrorKind::InvalidKey => Some("invalid_key"),
            UpdateErrorKind::TimedOut => Some("timeout"),
            UpdateErrorKind::WrongLastRevision => Some("wrong_last_revision"),
            UpdateErrorKind::Other => None,
        }
    }
}

impl Failure for EntryError {
    fn own_type(&self) -> Option<&'static str> {
        match self.kind() {
            EntryErrorKind::InvalidKey => Some("invalid_key"),
            EntryErrorKind::TimedOut => Some("timeout"),
            EntryErrorKind::Other => None,
        }
    }
}

impl Failure for WatchError {
    fn own_type(&self) -> Option<&'static str> {
        match self.kind() {
            WatchErrorKind::InvalidKey => Some("invalid_key"),
            WatchErrorKind::TimedOut => Some("timeout"),
            WatchErrorKind::ConsumerCreate | WatchErrorKind::Other => None,
        }
    }
}

impl Failure for WatcherError {
    fn own_type(&self) -> Option<&'static str> {
        None
    }
}

/// The error and what caused it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&error| error.source())
}

/// What a cause is called, when its kind is known.
fn cause(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<PublishError>() {
        return Some(stream_error(error.kind()));
    }
    if let Some(error) = error.downcast_ref::<RequestError>() {
        return Some(request_error(error.kind()));
    }
    if let Some(error) = error.downcast_ref::<UpdateError>() {
        return error.own_type();
    }
    if let Some(error) = error.downcast_ref::<EntryError>() {
        return error.own_type();
    }
    match error.downcast_ref::<DirectGetError>()?.kind() {
        DirectGetErrorKind::ErrorResponse(StatusCode::NO_RESPONDERS, _) => Some("no_responders"),
        _ => None,
    }
}

/// The number of the error that the server answered with.
fn answered(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<jetstream::Error>() {
        return Some(error.error_code().0.to_string());
    }
    if let Some(error) = error.downcast_ref::<DirectGetError>() {
        return match error.kind() {
            DirectGetErrorKind::ErrorResponse(status, _) => Some(status.as_u16().to_string()),
            _ => None,
        };
    }
    match error.downcast_ref::<ConsumerError>()?.kind() {
        ConsumerErrorKind::JetStream(error) => Some(error.error_code().0.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use async_nats::RequestErrorKind;
    use async_nats::jetstream::context::PublishErrorKind;

    use super::*;

    #[test]
    fn errors_are_called_after_what_the_store_says_or_else_after_their_cause() {
        let publish = |kind| PublishError::new(kind);
        let put = |kind| PutError::with_source(PutErrorKind::Ack, publish(kind));
        assert_eq!(PutError::new(PutErrorKind::InvalidKey).error_type(), "invalid_key");
        assert_eq!(put(PublishErrorKind::StreamNotFound).error_type(), "stream_not_found");
        assert_eq!(put(PublishErrorKind::TimedOut).error_type(), "timeout");
        let conflict = UpdateError::from(publish(PublishErrorKind::WrongLastSequence));
        assert_eq!(conflict.error_type(), "wrong_last_revision");
        assert_eq!(CreateError::from(conflict).error_type(), "already_exists");
        let late = UpdateError::from(publish(PublishErrorKind::TimedOut));
        assert_eq!(CreateError::from(late).error_type(), "timeout");
        assert_eq!(CreateError::new(CreateErrorKind::Other).error_type(), "_OTHER");
    }

    #[test]
    fn what_nobody_answered_has_no_status() {
        let nobody = DirectGetError::from(RequestError::new(RequestErrorKind::NoResponders));
        let nobody = EntryError::from(nobody);
        assert_eq!((nobody.error_type(), nobody.status_code().as_deref()), ("no_responders", Some("503")));
        let late = EntryError::from(DirectGetError::from(RequestError::new(RequestErrorKind::TimedOut)));
        assert_eq!((late.error_type(), late.status_code()), ("timeout", None));
    }
}
