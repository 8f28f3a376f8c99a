//! Password hashes: argon2id, off the async threads.

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use tracing::instrument;

use crate::error::ApiError;

#[instrument(name = "hash password", skip_all)]
pub(super) async fn hash(password: String) -> Result<String, ApiError> {
    let hash = move || {
        let salt = SaltString::generate(&mut OsRng);
        Argon2::default().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string())
    };
    let hashed = tokio::task::spawn_blocking(hash).await;
    let hashed = hashed.map_err(|error| ApiError::Internal(error.to_string()))?;
    hashed.map_err(|error| ApiError::Internal(format!("argon2: {error}")))
}

/// Whether the password fits the hash; without a hash it never does, but takes as long.
#[instrument(name = "verify password", skip_all)]
pub(super) async fn verify(password: String, hash: Option<String>) -> Result<bool, ApiError> {
    let Some(hash) = hash else {
        self::hash(password).await?;
        return Ok(false);
    };
    let verify = move || {
        let parsed = PasswordHash::new(&hash)?;
        Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
    };
    let verified = tokio::task::spawn_blocking(verify).await;
    let verified = verified.map_err(|error| ApiError::Internal(error.to_string()))?;
    verified
        .map_err(|error: argon2::password_hash::Error| ApiError::Internal(format!("stored hash: {error}")))
}
