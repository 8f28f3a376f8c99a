//! The user-service: who the users are.

mod store;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use throughline_toolkit::http::client::TracedClient;
use tracing::instrument;

use crate::config::{Config, FaultConfig};
use crate::error::{ApiError, observed};
use crate::faults;
use store::UserStore;

const AUTH: &str = "auth-service";

struct Users {
    store: UserStore,
    client: TracedClient,
    auth_url: String,
    mail_url: String,
    faults: FaultConfig,
}

/// A user as clients see it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) created_at: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    username: String,
    email: String,
    password: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    email: String,
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default = "default_limit")]
    limit: i64,
    #[serde(default)]
    offset: i64,
}

fn default_limit() -> i64 {
    20
}

pub(crate) async fn routes(config: &Config, client: TracedClient) -> anyhow::Result<Router> {
    let users = Arc::new(Users {
        store: UserStore::open(&config.database_url).await?,
        client,
        auth_url: config.auth_service_url.trim_end_matches('/').to_owned(),
        mail_url: config.mail_url.clone(),
        faults: config.faults,
    });
    Ok(Router::new()
        .route("/api/v1/users", post(create_user).get(list_users))
        .route("/api/v1/users/{id}", get(get_user).put(update_user).delete(delete_user))
        .with_state(users))
}

type Answer<T> = Result<T, ApiError>;

#[instrument(name = "CreateUser", skip_all, fields(operation = "CreateUser", service = "user-service", user.name = %new.username))]
async fn create_user(
    State(users): State<Arc<Users>>,
    Json(new): Json<NewUser>,
) -> Answer<(StatusCode, Json<User>)> {
    observed(async { users.create(new).await }.await)
}

#[instrument(name = "GetUser", skip_all, fields(operation = "GetUser", service = "user-service", user.id = %id))]
async fn get_user(State(users): State<Arc<Users>>, Path(id): Path<String>) -> Answer<Json<User>> {
    observed(users.find(&id).await).map(Json)
}

#[instrument(name = "ListUsers", skip_all, fields(operation = "ListUsers", service = "user-service"))]
async fn list_users(State(users): State<Arc<Users>>, Query(page): Query<Page>) -> Answer<Json<Value>> {
    observed(
        async {
            if !(1..=100).contains(&page.limit) || page.offset < 0 {
                return Err(ApiError::bad_request("limit must be 1 to 100, offset not negative"));
            }
            faults::strike(users.faults).await?;
            Ok(users.store.list(page.limit, page.offset).await?)
        }
        .await,
    )
    .map(|list| Json(json!({ "users": list })))
}

#[instrument(name = "UpdateUser", skip_all, fields(operation = "UpdateUser", service = "user-service", user.id = %id))]
async fn update_user(
    State(users): State<Arc<Users>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(changes): Json<Changes>,
) -> Answer<Json<User>> {
    observed(
        async {
            check_email(&changes.email)?;
            let user = users.owned(&id, &headers).await?;
            users.store.update_email(&user.id, &changes.email).await?;
            Ok(Json(User { email: changes.email, ..user }))
        }
        .await,
    )
}

#[instrument(name = "DeleteUser", skip_all, fields(operation = "DeleteUser", service = "user-service", user.id = %id))]
async fn delete_user(
    State(users): State<Arc<Users>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<StatusCode> {
    observed(
        async {
            let user = users.owned(&id, &headers).await?;
            users.store.delete(&user.id).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        .await,
    )
}

fn check_email(email: &str) -> Answer<()> {
    let valid = email.len() <= 200
        && email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if valid { Ok(()) } else { Err(ApiError::bad_request("email must look like name@host.tld")) }
}

impl Users {
    async fn find(&self, id: &str) -> Answer<User> {
        faults::strike(self.faults).await?;
        self.store.get(id).await?.ok_or_else(|| ApiError::not_found(format!("no user {id:?}")))
    }

    async fn create(&self, new: NewUser) -> Answer<(StatusCode, Json<User>)> {
        check_email(&new.email)?;
        let credentials = json!({"username": new.username, "password": new.password});
        let url = format!("{}/api/v1/auth/register", self.auth_url);
        let sent = self.client.post(url).json(&credentials).send().await;
        let answer = sent.map_err(|error| ApiError::from_call(AUTH, error))?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(|error| ApiError::from_call(AUTH, error))?;
        if status.is_client_error() {
            let message = body["error"]["message"].as_str().unwrap_or("refused");
            return Err(ApiError::Client(status, message.to_owned()));
        }
        if !status.is_success() {
            return Err(ApiError::Upstream { service: AUTH, status });
        }
        let id = body["user_id"].as_str().unwrap_or_default().to_owned();
        let user = User { id, username: new.username, email: new.email, created_at: crate::database::now() };
        self.store.insert(&user).await?;
        self.welcome(&user).await;
        Ok((StatusCode::CREATED, Json(user)))
    }

    /// Sends welcome mail; a mail server that does not work keeps nobody from registering.
    #[instrument(
        name = "SendWelcomeMail",
        skip_all,
        fields(operation = "SendWelcomeMail", service = "user-service")
    )]
    async fn welcome(&self, user: &User) {
        if self.mail_url.is_empty() {
            return;
        }
        let sent = self.client.post(self.mail_url.as_str()).json(&json!({"to": user.email})).send().await;
        let outcome = match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(ApiError::Upstream { service: "mail", status: answer.status() }),
            Err(error) => Err(ApiError::from_call("mail", error)),
        };
        if observed(outcome).is_err() {
            tracing::warn!(user.id = %user.id, "welcome mail was not sent");
        }
    }

    /// The user, if the bearer of the token is that user.
    async fn owned(&self, id: &str, headers: &HeaderMap) -> Answer<User> {
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.ok_or_else(|| ApiError::unauthorized("a bearer token is needed"))?;
        let url = format!("{}/api/v1/auth/me", self.auth_url);
        let sent = self.client.get(url).header("authorization", token).send().await;
        let answer = sent.map_err(|error| ApiError::from_call(AUTH, error))?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::UNAUTHORIZED => return Err(ApiError::unauthorized("the token is not valid")),
            status => return Err(ApiError::Upstream { service: AUTH, status }),
        }
        let me: Value = answer.json().await.map_err(|error| ApiError::from_call(AUTH, error))?;
        if me["user_id"].as_str() != Some(id) {
            return Err(ApiError::Client(StatusCode::FORBIDDEN, "this is another user".to_owned()));
        }
        self.find(id).await
    }
}
