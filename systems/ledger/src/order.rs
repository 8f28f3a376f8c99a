//! An order to move money from one account to another: the body that the orchestrator and the
//! ledger both take.

use serde::{Deserialize, Serialize};
use throughline_toolkit::SpanExt as _;
use tracing::Span;
use uuid::Uuid;

use crate::error::{Code, Refusal};
use crate::money::{Amount, AmountText, Currency};

/// Longest idempotency key, bytes.
const KEY_MAX: usize = 200;

/// The body as it arrives.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderBody {
    idempotency_key: String,
    from_account_id: String,
    to_account_id: String,
    amount_minor: AmountText,
    currency: String,
}

/// An order that makes sense by itself, whatever the accounts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) key: String,
    pub(crate) from: Uuid,
    pub(crate) to: Uuid,
    pub(crate) amount: Amount,
    pub(crate) currency: Currency,
}

/// The body as the orchestrator sends it on.
#[derive(Debug, Serialize)]
pub(crate) struct OrderSent<'a> {
    idempotency_key: &'a str,
    from_account_id: Uuid,
    to_account_id: Uuid,
    amount_minor: i64,
    currency: &'a str,
}

impl OrderBody {
    /// Refuses what no account could make right.
    pub(crate) fn check(self) -> Result<Order, Refusal> {
        check_key(&self.idempotency_key)?;
        let from = account_id("from_account_id", &self.from_account_id)?;
        let to = account_id("to_account_id", &self.to_account_id)?;
        if from == to {
            let message = "from_account_id and to_account_id are the same account";
            return Err(Refusal::new(Code::SameAccount, message));
        }
        let amount = self.amount_minor.check()?;
        let currency = Currency::parse(&self.currency)?;
        Ok(Order { key: self.idempotency_key, from, to, amount, currency })
    }
}

impl Order {
    /// Tells one order from another under the same key. Two orders are the same when each field
    /// is, however the client wrote it.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{}>{}:{} {}", self.from, self.to, self.amount.minor(), self.currency)
    }

    /// Says what is ordered on a span.
    pub(crate) fn describe(&self, span: &Span) {
        span.set_attribute("transfer.amount_minor", self.amount.minor());
        span.set_attribute("transfer.currency", self.currency.as_str().to_owned());
    }

    /// What a client hears that used the key for another order.
    pub(crate) fn conflict(&self) -> Refusal {
        let message = format!("idempotency_key {:?} was used for another order", self.key);
        Refusal::new(Code::IdempotencyConflict, message)
    }

    pub(crate) fn sent(&self) -> OrderSent<'_> {
        OrderSent {
            idempotency_key: &self.key,
            from_account_id: self.from,
            to_account_id: self.to,
            amount_minor: self.amount.minor(),
            currency: self.currency.as_str(),
        }
    }
}

fn check_key(key: &str) -> Result<(), Refusal> {
    if (1..=KEY_MAX).contains(&key.len()) && !key.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("idempotency_key must have 1 to {KEY_MAX} bytes and no control characters");
    Err(Refusal::new(Code::InvalidIdempotencyKey, message))
}

/// Reads the id of an account; `field` is where it stood.
pub(crate) fn account_id(field: &str, text: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(text).map_err(|_| {
        let shown: String = text.chars().take(60).collect();
        Refusal::new(Code::InvalidAccountId, format!("{field} must be the id of an account, not {shown:?}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn order(change: impl FnOnce(&mut Value)) -> Result<Order, Refusal> {
        let mut body = json!({
            "idempotency_key": "k",
            "from_account_id": "018f0000-0000-7000-8000-00000000000a",
            "to_account_id": "018f0000-0000-7000-8000-00000000000b",
            "amount_minor": 5,
            "currency": "EUR",
        });
        change(&mut body);
        serde_json::from_value::<OrderBody>(body).unwrap().check()
    }

    #[test]
    fn an_order_is_the_same_however_it_is_written() {
        let plain = order(|_| {}).unwrap();
        let capitals = order(|body| body["from_account_id"] = json!("018F0000-0000-7000-8000-00000000000A"));
        assert_eq!(plain.fingerprint(), capitals.unwrap().fingerprint());
        let more = order(|body| body["amount_minor"] = json!(6)).unwrap();
        assert_ne!(plain.fingerprint(), more.fingerprint());
    }

    #[test]
    fn each_field_is_refused_with_its_code() {
        for (field, value, code) in [
            ("idempotency_key", json!(""), Code::InvalidIdempotencyKey),
            ("idempotency_key", json!("a\u{0}b"), Code::InvalidIdempotencyKey),
            ("idempotency_key", json!("x".repeat(201)), Code::InvalidIdempotencyKey),
            ("from_account_id", json!("alice"), Code::InvalidAccountId),
            ("to_account_id", json!("018f0000-0000-7000-8000-00000000000a"), Code::SameAccount),
            ("amount_minor", json!(-5), Code::InvalidAmount),
            ("currency", json!("euro"), Code::InvalidCurrency),
        ] {
            let refused = order(|body| body[field] = value).unwrap_err();
            assert_eq!(refused.code, code, "{field}");
        }
    }
}
