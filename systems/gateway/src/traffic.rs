//! A client that keeps the gateway busy, with what real traffic has: new users, logins, reads,
//! changes, wrong passwords, unknown users, bad input.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};

/// Users that a worker remembers.
const REMEMBERED_MAX: usize = 50;

/// How busy.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Address of the api-gateway, `http://host:port`.
    pub url: String,
    /// Requests a second in all.
    pub rate: f64,
}

/// What a run of traffic did.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests that were answered, whatever the status.
    pub answered: AtomicU64,
    /// Requests that got no answer.
    pub unanswered: AtomicU64,
}

#[derive(Debug, Clone)]
struct Person {
    id: String,
    username: String,
    access_token: String,
    refresh_token: String,
}

impl Traffic {
    /// Sends requests until it is dropped, counting them in `tally`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub async fn run(&self, tally: &Tally) -> Result<(), reqwest::Error> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let mut worker = Worker { client, url: &self.url, people: VecDeque::new(), tally };
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / self.rate.clamp(0.01, 1000.0)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            worker.step().await;
        }
    }
}

struct Worker<'a> {
    client: reqwest::Client,
    url: &'a str,
    people: VecDeque<Person>,
    tally: &'a Tally,
}

impl Worker<'_> {
    async fn step(&mut self) {
        let choice = rand::rng().random_range(0..100);
        match choice {
            _ if self.people.len() < 3 => self.join().await,
            0..=11 => self.join().await,
            12..=31 => self.login().await,
            32..=56 => self.read().await,
            57..=70 => self.list().await,
            71..=80 => self.update().await,
            81..=86 => self.refresh().await,
            87..=90 => self.wrong_password().await,
            91..=94 => self.unknown_user().await,
            95..=97 => self.bad_input().await,
            _ => self.leave().await,
        }
    }

    fn anyone(&self) -> Option<Person> {
        let (front, back) = self.people.as_slices();
        let part = if back.is_empty() || rand::rng().random_bool(0.5) { front } else { back };
        part.choose(&mut rand::rng()).cloned()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Option<Value> {
        match request.send().await {
            Ok(answer) => {
                self.tally.answered.fetch_add(1, Ordering::Relaxed);
                let success = answer.status().is_success();
                let body = answer.json().await.unwrap_or(Value::Null);
                success.then_some(body)
            }
            Err(_) => {
                self.tally.unanswered.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).json(body)
    }

    async fn join(&mut self) {
        let username = format!("user-{:08x}", rand::rng().random::<u32>());
        let body = json!({"username": username, "email": format!("{username}@example.com"), "password": "correct horse"});
        let Some(user) = self.send(self.post("/api/v1/users", &body)).await else { return };
        let id = user["id"].as_str().unwrap_or_default().to_owned();
        let Some(tokens) = self.tokens(&username).await else { return };
        self.people.push_back(Person { id, username, access_token: tokens.0, refresh_token: tokens.1 });
        if self.people.len() > REMEMBERED_MAX {
            self.people.pop_front();
        }
    }

    async fn tokens(&self, username: &str) -> Option<(String, String)> {
        let body = json!({"username": username, "password": "correct horse"});
        let tokens = self.send(self.post("/api/v1/auth/login", &body)).await?;
        let text = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
        Some((text("access_token"), text("refresh_token")))
    }

    async fn login(&mut self) {
        let Some(person) = self.anyone() else { return };
        if let Some((access_token, refresh_token)) = self.tokens(&person.username).await {
            self.remember(Person { access_token, refresh_token, ..person });
        }
    }

    fn remember(&mut self, person: Person) {
        if let Some(known) = self.people.iter_mut().find(|known| known.id == person.id) {
            *known = person;
        }
    }

    async fn read(&self) {
        let Some(person) = self.anyone() else { return };
        self.send(self.client.get(format!("{}/api/v1/users/{}", self.url, person.id))).await;
    }

    async fn list(&self) {
        self.send(self.client.get(format!("{}/api/v1/users?limit=10", self.url))).await;
    }

    async fn update(&self) {
        let Some(person) = self.anyone() else { return };
        let body = json!({"email": format!("{}@mail.example.org", person.username)});
        let url = format!("{}/api/v1/users/{}", self.url, person.id);
        self.send(self.client.put(url).bearer_auth(person.access_token).json(&body)).await;
    }

    async fn refresh(&mut self) {
        let Some(person) = self.anyone() else { return };
        let body = json!({"refresh_token": person.refresh_token});
        let Some(tokens) = self.send(self.post("/api/v1/auth/refresh", &body)).await else { return };
        let text = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
        self.remember(Person {
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
            ..person
        });
    }

    async fn wrong_password(&self) {
        let Some(person) = self.anyone() else { return };
        let body = json!({"username": person.username, "password": "battery staple"});
        self.send(self.post("/api/v1/auth/login", &body)).await;
    }

    async fn unknown_user(&self) {
        self.send(self.client.get(format!("{}/api/v1/users/nobody", self.url))).await;
    }

    async fn bad_input(&self) {
        let body = json!({"username": "x", "email": "not an address", "password": "short"});
        self.send(self.post("/api/v1/users", &body)).await;
    }

    async fn leave(&mut self) {
        let Some(person) = self.anyone() else { return };
        let url = format!("{}/api/v1/users/{}", self.url, person.id);
        self.send(self.client.delete(url).bearer_auth(&person.access_token)).await;
        let body = json!({"refresh_token": person.refresh_token});
        self.send(self.post("/api/v1/auth/logout", &body)).await;
        self.people.retain(|known| known.id != person.id);
    }
}
