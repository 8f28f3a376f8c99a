//! The three services as processes, asked over HTTP; no collector is there, which must not matter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::HashMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

struct System {
    gateway: String,
    children: HashMap<&'static str, Child>,
    _folder: tempfile::TempDir,
}

async fn start(service: &str, environment: &[(&str, &str)]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gateway"))
        .arg(service)
        .env("LISTEN", "127.0.0.1:0")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(20), lines.next_line()).await.unwrap().unwrap();
    (child, format!("http://{}", line.expect("the service says where it listens")))
}

impl System {
    async fn start(auth_faults: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
        let (auth_db, users_db) = (database("auth"), database("users"));
        let mut auth_environment = vec![("DATABASE_URL", auth_db.as_str())];
        auth_environment.extend(auth_faults);
        let (auth, auth_url) = start("auth-service", &auth_environment).await;
        let users_environment = [
            ("DATABASE_URL", users_db.as_str()),
            ("AUTH_SERVICE_URL", &auth_url),
            ("UPSTREAM_TIMEOUT_MS", "400"),
        ];
        let (users, users_url) = start("user-service", &users_environment).await;
        let gateway_environment = [
            ("AUTH_SERVICE_URL", auth_url.as_str()),
            ("USER_SERVICE_URL", &users_url),
            ("UPSTREAM_TIMEOUT_MS", "800"),
        ];
        let (gateway, url) = start("api-gateway", &gateway_environment).await;
        let children =
            HashMap::from([("auth-service", auth), ("user-service", users), ("api-gateway", gateway)]);
        Self { gateway: url, children, _folder: folder }
    }

    async fn send(&self, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        let request = reqwest::Client::new()
            .request(method.parse().unwrap(), format!("{}{path}", self.gateway))
            .bearer_auth(token)
            .json(&body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("POST", path, "", body).await
    }

    async fn join(&self, username: &str) -> (Value, Value) {
        let body = json!({"username": username, "email": format!("{username}@example.com"), "password": "correct horse"});
        let (status, user) = self.post("/api/v1/users", body).await;
        assert_eq!(status, 201, "{user}");
        let (status, tokens) =
            self.post("/api/v1/auth/login", json!({"username": username, "password": "correct horse"})).await;
        assert_eq!(status, 200, "{tokens}");
        (user, tokens)
    }
}

#[tokio::test]
async fn a_user_joins_logs_in_changes_and_leaves() {
    let system = System::start(&[]).await;
    let (user, tokens) = system.join("alice").await;
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let (status, me) = system.send("GET", "/api/v1/auth/me", access, Value::Null).await;
    assert_eq!((status, &me["user_id"]), (200, &user["id"]));
    let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
    let (status, changed) = system.send("PUT", &path, access, json!({"email": "a@example.org"})).await;
    assert_eq!((status, changed["email"].as_str()), (200, Some("a@example.org")));
    assert_eq!(system.send("PUT", &path, "forged", json!({"email": "b@example.org"})).await.0, 401);
    let (other, other_tokens) = system.join("bob").await;
    let other_path = format!("/api/v1/users/{}", other["id"].as_str().unwrap());
    assert_eq!(system.send("DELETE", &other_path, access, Value::Null).await.0, 403);
    let (status, list) = system.send("GET", "/api/v1/users?limit=10", "", Value::Null).await;
    assert_eq!((status, list["users"].as_array().unwrap().len()), (200, 2));
    let (status, renewed) = system.post("/api/v1/auth/refresh", json!({ "refresh_token": refresh })).await;
    assert_eq!(status, 200, "{renewed}");
    assert_eq!(
        system.post("/api/v1/auth/refresh", json!({ "refresh_token": refresh })).await.0,
        401,
        "it works once"
    );
    let gone = json!({"refresh_token": other_tokens["refresh_token"]});
    assert_eq!(system.post("/api/v1/auth/logout", gone.clone()).await.0, 204);
    assert_eq!(system.post("/api/v1/auth/refresh", gone).await.0, 401);
    assert_eq!(system.send("DELETE", &path, access, Value::Null).await.0, 204);
    assert_eq!(system.send("GET", &path, "", Value::Null).await.0, 404);
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_reason() {
    let system = System::start(&[]).await;
    system.join("carol").await;
    let cases = [
        (json!({"username": "carol", "email": "c@example.com", "password": "long enough"}), 409, "taken"),
        (json!({"username": "x", "email": "x@example.com", "password": "long enough"}), 400, "username"),
        (json!({"username": "dave", "email": "nowhere", "password": "long enough"}), 400, "email"),
        (json!({"username": "dave", "email": "d@example.com", "password": "short"}), 400, "password"),
    ];
    for (body, wanted, named) in cases {
        let (status, answer) = system.post("/api/v1/users", body).await;
        assert_eq!(status, wanted, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(named), "{answer}");
    }
    let wrong = json!({"username": "carol", "password": "battery staple"});
    assert_eq!(system.post("/api/v1/auth/login", wrong).await.0, 401);
    let large = json!({"username": "erin", "email": "e@example.com", "password": "x".repeat(100_000)});
    assert_eq!(system.post("/api/v1/users", large).await.0, 413);
    assert_eq!(system.send("GET", "/nowhere", "", Value::Null).await.0, 404);
}

#[tokio::test]
async fn a_slow_service_is_a_gateway_timeout() {
    let system = System::start(&[("FAULT_SLOW_SHARE", "1"), ("FAULT_SLOW_MS", "5000")]).await;
    let started = Instant::now();
    let (status, answer) = system.post("/api/v1/auth/login", json!({"username": "x", "password": "y"})).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (504, Some("upstream_timeout")), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_service_that_is_down_is_a_bad_gateway_and_the_others_go_on() {
    let mut system = System::start(&[]).await;
    let (user, _) = system.join("frank").await;
    system.children.get_mut("auth-service").unwrap().kill().await.unwrap();
    let (status, answer) =
        system.post("/api/v1/auth/login", json!({"username": "frank", "password": "y"})).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (502, Some("upstream_failed")), "{answer}");
    let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
    assert_eq!(system.send("GET", &path, "", Value::Null).await.0, 200);
    assert_eq!(system.send("GET", "/health", "", Value::Null).await.0, 200);
}
