//! `error.type` of librdkafka's errors.

use std::borrow::Cow;

use ::rdkafka::error::KafkaError;

use crate::kafka::error_name::snake;

/// The name of the error's code, `message_timed_out`, or of its kind when it has no code.
#[must_use]
pub fn error_type(error: &KafkaError) -> Cow<'static, str> {
    if let Some(code) = error.rdkafka_error_code() {
        return snake(&format!("{code:?}")).into();
    }
    Cow::Borrowed(match error {
        KafkaError::AdminOp(_) | KafkaError::AdminOpCreation(_) => "admin_op",
        KafkaError::Canceled => "canceled",
        KafkaError::ClientConfig(..) => "client_config",
        KafkaError::ClientCreation(_) => "client_creation",
        KafkaError::NoMessageReceived => "no_message_received",
        KafkaError::Nul(_) => "nul",
        KafkaError::PartitionEOF(_) => "partition_eof",
        KafkaError::PauseResume(_) => "pause_resume",
        KafkaError::Seek(_) => "seek",
        KafkaError::Subscription(_) => "subscription",
        _ => "_OTHER",
    })
}

#[cfg(test)]
mod tests {
    use ::rdkafka::error::RDKafkaErrorCode as Code;

    use super::*;

    #[test]
    fn errors_are_called_after_their_code_or_kind() {
        for (error, expected) in [
            (KafkaError::MessageProduction(Code::MessageTimedOut), "message_timed_out"),
            (KafkaError::ConsumerCommit(Code::IllegalGeneration), "illegal_generation"),
            (KafkaError::Global(Code::AllBrokersDown), "all_brokers_down"),
            (KafkaError::Canceled, "canceled"),
            (KafkaError::Seek("no".to_owned()), "seek"),
        ] {
            assert_eq!(error_type(&error), expected);
        }
    }
}
