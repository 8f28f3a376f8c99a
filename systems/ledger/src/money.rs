//! Amounts and currencies.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{Code, Refusal};

/// A positive amount in minor units (cents), exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(i64);

impl Amount {
    pub(crate) fn new(minor: i64) -> Result<Self, Refusal> {
        if minor > 0 {
            return Ok(Self(minor));
        }
        Err(Refusal::new(Code::InvalidAmount, format!("amount_minor must be positive, not {minor}")))
    }

    pub(crate) fn minor(self) -> i64 {
        self.0
    }
}

/// What a client wrote where an amount belongs: only an integer in JSON's own notation counts.
#[derive(Debug)]
pub(crate) struct AmountText(Result<i64, String>);

impl AmountText {
    pub(crate) fn check(&self) -> Result<Amount, Refusal> {
        match &self.0 {
            Ok(minor) => Amount::new(*minor),
            Err(what) => {
                let message = format!(
                    "amount_minor must be an integer number of minor units that fits 64 bits, not {what}"
                );
                Err(Refusal::new(Code::InvalidAmount, message))
            }
        }
    }
}

impl<'de> Deserialize<'de> for AmountText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = AmountText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_i64<E>(self, value: i64) -> Result<AmountText, E> {
        Ok(AmountText(Ok(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<AmountText, E> {
        Ok(AmountText(i64::try_from(value).map_err(|_| value.to_string())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<AmountText, E> {
        Ok(AmountText(Err(format!("{value:?}"))))
    }

    fn visit_str<E>(self, value: &str) -> Result<AmountText, E> {
        let shown: String = value.chars().take(40).collect();
        Ok(AmountText(Err(format!("the text {shown:?}"))))
    }

    fn visit_bool<E>(self, value: bool) -> Result<AmountText, E> {
        Ok(AmountText(Err(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<AmountText, E> {
        Ok(AmountText(Err("null".to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AmountText, A::Error> {
        while list.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(AmountText(Err("a list".to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AmountText, A::Error> {
        while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
        Ok(AmountText(Err("an object".to_owned())))
    }
}

/// A currency by its three letters, as ISO 4217 has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Currency(String);

impl Currency {
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(40).collect();
        let message = format!("currency must be three capital letters such as EUR, not {shown:?}");
        Err(Refusal::new(Code::InvalidCurrency, message))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_positive_integer_of_64_bits() {
        for (text, minor) in [("1", 1), ("9223372036854775807", i64::MAX)] {
            assert_eq!(serde_json::from_str::<AmountText>(text).unwrap().check().unwrap().minor(), minor);
        }
        for (text, reason) in [
            ("0", "positive, not 0"),
            ("-5", "positive, not -5"),
            ("1.5", "not 1.5"),
            ("5.0", "not 5.0"),
            ("1e3", "not 1000.0"),
            ("\"5\"", "not the text \"5\""),
            ("null", "not null"),
            ("true", "not true"),
            ("[5]", "not a list"),
            ("{\"minor\":5}", "not an object"),
            ("9223372036854775808", "not 9223372036854775808"),
            ("99999999999999999999999", "not 1e23"),
            ("-9223372036854775809", "not -9.223372036854776e18"),
        ] {
            let refused = serde_json::from_str::<AmountText>(text).unwrap().check().unwrap_err();
            assert_eq!(refused.code, Code::InvalidAmount, "{text}");
            assert!(refused.message.ends_with(reason), "{text}: {}", refused.message);
        }
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!(Currency::parse("EUR").unwrap().as_str(), "EUR");
        for text in ["", "eur", "EURO", "E1R", "ÄÖ", "E R"] {
            assert_eq!(Currency::parse(text).unwrap_err().code, Code::InvalidCurrency, "{text}");
        }
    }
}
