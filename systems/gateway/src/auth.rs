//! The auth-service: credentials and tokens.

mod password;
mod store;
mod token;

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::instrument;

use crate::config::{Config, FaultConfig};
use crate::database::now;
use crate::error::{ApiError, observed};
use crate::faults;
use store::CredentialStore;
use token::Tokens;

struct Auth {
    store: CredentialStore,
    tokens: Tokens,
    faults: FaultConfig,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefreshToken {
    refresh_token: String,
}

pub(crate) async fn routes(config: &Config) -> anyhow::Result<Router> {
    let auth = Arc::new(Auth {
        store: CredentialStore::open(&config.database_url).await?,
        tokens: Tokens::new(config),
        faults: config.faults,
    });
    Ok(Router::new()
        .route("/api/v1/auth/register", post(register))
        .route("/api/v1/auth/login", post(login))
        .route("/api/v1/auth/refresh", post(refresh))
        .route("/api/v1/auth/logout", post(logout))
        .route("/api/v1/auth/me", get(current_user))
        .with_state(auth))
}

type Answer<T> = Result<T, ApiError>;

#[instrument(name = "Register", skip_all, fields(operation = "Register", service = "auth-service", auth.method = "password"))]
async fn register(
    State(auth): State<Arc<Auth>>,
    Json(new): Json<Credentials>,
) -> Answer<(StatusCode, Json<Value>)> {
    observed(auth.register(new).await).map(|id| (StatusCode::CREATED, Json(json!({ "user_id": id }))))
}

#[instrument(name = "Login", skip_all, fields(operation = "Login", service = "auth-service", auth.method = "password"))]
async fn login(State(auth): State<Arc<Auth>>, Json(given): Json<Credentials>) -> Answer<Json<Value>> {
    observed(auth.login(given).await).map(Json)
}

#[instrument(name = "RefreshToken", skip_all, fields(operation = "RefreshToken", service = "auth-service", auth.method = "refresh_token"))]
async fn refresh(State(auth): State<Arc<Auth>>, Json(given): Json<RefreshToken>) -> Answer<Json<Value>> {
    observed(auth.refresh(&given.refresh_token).await).map(Json)
}

#[instrument(name = "Logout", skip_all, fields(operation = "Logout", service = "auth-service", auth.method = "refresh_token"))]
async fn logout(State(auth): State<Arc<Auth>>, Json(given): Json<RefreshToken>) -> Answer<StatusCode> {
    observed(auth.store.take_refresh(&token::digest(&given.refresh_token)).await.map_err(ApiError::from))?;
    Ok(StatusCode::NO_CONTENT)
}

#[instrument(name = "GetCurrentUser", skip_all, fields(operation = "GetCurrentUser", service = "auth-service", auth.method = "bearer"))]
async fn current_user(State(auth): State<Arc<Auth>>, headers: HeaderMap) -> Answer<Json<Value>> {
    observed(
        async {
            faults::strike(auth.faults).await?;
            let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let token = value.and_then(|value| value.strip_prefix("Bearer "));
            let token = token.ok_or_else(|| ApiError::unauthorized("a bearer token is needed"))?;
            let claims = auth.tokens.check(token)?;
            Ok(Json(json!({"user_id": claims.sub, "username": claims.name, "expires_at": claims.exp})))
        }
        .await,
    )
}

impl Auth {
    async fn register(&self, new: Credentials) -> Answer<String> {
        let Credentials { username, password } = new;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !(3..=40).contains(&username.len()) || !username.chars().all(plain) {
            return Err(ApiError::bad_request(
                "username must be 3 to 40 letters, digits, dots, dashes or underscores",
            ));
        }
        if !(8..=200).contains(&password.len()) {
            return Err(ApiError::bad_request("password must have 8 to 200 characters"));
        }
        let hash = password::hash(password).await?;
        let id = uuid::Uuid::new_v4().to_string();
        match self.store.insert(&id, &username, &hash).await {
            Ok(()) => Ok(id),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(ApiError::conflict(format!("username {username:?} is taken")))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn login(&self, given: Credentials) -> Answer<Value> {
        faults::strike(self.faults).await?;
        let known = self.store.find(&given.username).await?;
        let hash = known.as_ref().map(|known| known.password_hash.clone());
        // The hash is computed for unknown users too, so that time does not tell them apart.
        let right = password::verify(given.password, hash).await?;
        match known {
            Some(known) if right => self.issue(&known.user_id, &known.username).await,
            _ => Err(ApiError::unauthorized("username or password is wrong")),
        }
    }

    async fn refresh(&self, token: &str) -> Answer<Value> {
        let taken = self.store.take_refresh(&token::digest(token)).await?;
        match taken {
            Some(taken) if taken.expires_at > now() => self.issue(&taken.user_id, &taken.username).await,
            _ => Err(ApiError::unauthorized("the refresh token is not valid")),
        }
    }

    async fn issue(&self, user_id: &str, username: &str) -> Answer<Value> {
        let (access_token, expires_in) = self.tokens.access(user_id, username)?;
        let refresh_token = token::random();
        let expires_at = now().saturating_add(self.tokens.refresh_seconds);
        self.store.insert_refresh(&token::digest(&refresh_token), user_id, username, expires_at).await?;
        Ok(json!({
            "access_token": access_token, "token_type": "Bearer", "expires_in": expires_in,
            "refresh_token": refresh_token,
        }))
    }
}
