//! Bodies of requests: JSON, refused with a code and a reason.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::error::{ApiError, Code, Refusal};

/// Largest body that a service takes, bytes.
pub(crate) const BODY_MAX: usize = 16 * 1024;

/// The body of a request, read as JSON whatever its content type is.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let read = axum::body::to_bytes(request.into_body(), BODY_MAX).await;
        let bytes = read.map_err(|_| {
            Refusal::new(Code::TooLarge, format!("the body did not arrive whole within {BODY_MAX} bytes"))
        })?;
        Ok(parse(&bytes).map(Self)?)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = error.to_string();
        // Amounts are the only numbers in any of our bodies.
        if message.starts_with("number out of range") {
            let message =
                format!("an amount is an integer number of minor units that fits 64 bits: {message}");
            return Refusal::new(Code::InvalidAmount, message);
        }
        Refusal::new(Code::InvalidBody, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::OrderBody;

    fn refusal(text: &str) -> (Code, String) {
        let refused = parse::<OrderBody>(text.as_bytes()).unwrap_err();
        (refused.code, refused.message)
    }

    #[test]
    fn a_number_beyond_all_numbers_is_an_amount_that_is_refused() {
        let (code, message) = refusal(r#"{"amount_minor": 1e400}"#);
        assert_eq!(code, Code::InvalidAmount);
        assert!(message.contains("integer"), "{message}");
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said() {
        for (text, reason) in [
            ("", "EOF"),
            ("[]", "invalid length 0"),
            (r#"{"amount": 1}"#, "unknown field `amount`"),
            (r#"{"amount_minor": 1, "amount_minor": 2}"#, "duplicate field `amount_minor`"),
            (r#"{"amount_minor": 1}"#, "missing field"),
        ] {
            let (code, message) = refusal(text);
            assert_eq!(code, Code::InvalidBody, "{text}");
            assert!(message.contains(reason), "{text}: {message}");
        }
    }
}
