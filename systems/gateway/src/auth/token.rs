//! Tokens: signed access tokens (JWT, HS256) and random refresh tokens of which only a digest is kept.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::database::now;
use crate::error::ApiError;

/// What an access token says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) name: String,
    pub(super) exp: i64,
}

pub(super) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    access_seconds: i64,
    pub(super) refresh_seconds: i64,
}

impl Tokens {
    pub(super) fn new(config: &Config) -> Self {
        let secret = if config.jwt_secret.is_empty() { random() } else { config.jwt_secret.clone() };
        let seconds = |given: u64| i64::try_from(given).unwrap_or(i64::MAX);
        Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            access_seconds: seconds(config.access_token_seconds),
            refresh_seconds: seconds(config.refresh_token_seconds),
        }
    }

    /// A new access token and how many seconds it lives.
    pub(super) fn access(&self, user_id: &str, username: &str) -> Result<(String, i64), ApiError> {
        let exp = now().saturating_add(self.access_seconds);
        let claims = Claims { sub: user_id.to_owned(), name: username.to_owned(), exp };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding);
        Ok((token.map_err(|error| ApiError::Internal(error.to_string()))?, self.access_seconds))
    }

    pub(super) fn check(&self, token: &str) -> Result<Claims, ApiError> {
        let validation = Validation::new(Algorithm::HS256);
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation);
        decoded.map(|data| data.claims).map_err(|_| ApiError::unauthorized("the token is not valid"))
    }
}

/// 256 random bits.
pub(super) fn random() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is kept of a refresh token: enough to recognise it, not to use it.
pub(super) fn digest(token: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, Version};
    let params = Params::new(Params::MIN_M_COST, 1, 1, Some(32)).unwrap_or_default();
    let mut digest = [0; 32];
    // A fixed salt makes it a plain digest, which is enough for 256 random bits.
    let hashed = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        token.as_bytes(),
        b"refresh-token",
        &mut digest,
    );
    if hashed.is_err() {
        return String::new();
    }
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
