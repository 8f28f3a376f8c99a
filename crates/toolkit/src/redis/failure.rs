//! How commands fail: Redis answers with an error, or does not answer.

use redis::{ErrorKind, Pipeline, RedisError, ServerError, Value};

use crate::db::call::{Call, Failure};

/// Ends the call as its answers say. An error that Redis answers with is an answer to the client.
pub(super) fn conclude(call: Call<'_>, outcome: Result<&[Value], &RedisError>) {
    match outcome {
        Ok(answers) => match answers.iter().find_map(error_in) {
            Some(error) => {
                let code = error.code();
                call.fail(error, Failure { kind: code, code: Some(code) });
            }
            None => call.succeed(),
        },
        Err(error) => {
            let code = error.code();
            call.fail(error, Failure { kind: code.unwrap_or_else(|| kind_of(error)), code });
        }
    }
}

/// The answers to the commands of a batch: a transaction has them inside the answer to its end.
pub(super) fn answers_of<'a>(pipeline: &Pipeline, answers: &'a [Value]) -> &'a [Value] {
    match answers {
        [Value::Array(inside)] if pipeline.is_transaction() => inside,
        answers => answers,
    }
}

fn error_in(answer: &Value) -> Option<&ServerError> {
    match answer {
        Value::ServerError(error) => Some(error),
        _ => None,
    }
}

/// `error.type` when Redis did not answer.
fn kind_of(error: &RedisError) -> &'static str {
    if error.is_timeout() {
        return "timeout";
    }
    if error.is_connection_refusal() {
        return "connection_refused";
    }
    if error.is_connection_dropped() {
        return "connection_dropped";
    }
    match error.kind() {
        ErrorKind::Parse => "Parse",
        ErrorKind::AuthenticationFailed => "AuthenticationFailed",
        ErrorKind::UnexpectedReturnType => "UnexpectedReturnType",
        ErrorKind::InvalidClientConfig => "InvalidClientConfig",
        ErrorKind::Io => "Io",
        ErrorKind::Client => "Client",
        ErrorKind::Extension => "Extension",
        ErrorKind::MasterNameNotFoundBySentinel => "MasterNameNotFoundBySentinel",
        ErrorKind::NoValidReplicasFoundBySentinel => "NoValidReplicasFoundBySentinel",
        ErrorKind::ClusterConnectionNotFound => "ClusterConnectionNotFound",
        ErrorKind::RESP3NotSupported => "RESP3NotSupported",
        _ => "_OTHER",
    }
}
