//! What an account is.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Refusal};

/// Whose money an account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountKind {
    /// A customer's: never below zero.
    Customer,
    /// The world's, where money comes from and goes to: below zero by what the world put in.
    External,
}

impl AccountKind {
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "customer" => Ok(Self::Customer),
            "external" => Ok(Self::External),
            _ => {
                let shown: String = text.chars().take(40).collect();
                let message = format!("kind must be customer or external, not {shown:?}");
                Err(Refusal::new(Code::InvalidKind, message))
            }
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::External => "external",
        }
    }
}
