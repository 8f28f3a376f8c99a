//! A client that keeps the system busy, with what real traffic has: new accounts, funding,
//! transfers, repeated ones, refused ones, reads of balances and statements.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng as _;
use serde_json::{Value, json};
use uuid::Uuid;

/// Accounts that a run remembers, of each currency.
const REMEMBERED_MAX: usize = 40;

/// Accounts of each currency before anything else is done.
const WANTED: usize = 4;

/// What a new customer is given, minor units.
const FUNDING: i64 = 100_000;

const CURRENCIES: [&str; 2] = ["EUR", "USD"];

/// How busy, and where.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Address of accounts, `http://host:port`.
    pub accounts_url: String,
    /// Address of the orchestrator.
    pub orchestrator_url: String,
    /// Address of the read-model.
    pub read_model_url: String,
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
    /// Transfers that were made, repeated ones not counted.
    pub transfers: AtomicU64,
}

impl Traffic {
    /// Sends requests until it is dropped, counting them in `tally`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub async fn run(&self, tally: &Tally) -> Result<(), reqwest::Error> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let mut worker =
            Worker { client, traffic: self, purses: CURRENCIES.map(Purse::new), last: None, tally };
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / self.rate.clamp(0.01, 1000.0)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            worker.step().await;
        }
    }
}

/// The accounts of one currency.
#[derive(Debug)]
struct Purse {
    currency: &'static str,
    /// The external account that money comes from.
    world: Option<Uuid>,
    customers: VecDeque<Uuid>,
}

impl Purse {
    fn new(currency: &'static str) -> Self {
        Self { currency, world: None, customers: VecDeque::new() }
    }

    fn anyone(&self) -> Option<Uuid> {
        let number = rand::rng().random_range(0..self.customers.len().max(1));
        self.customers.get(number).copied()
    }

    /// Two different customers.
    fn two(&self) -> Option<(Uuid, Uuid)> {
        let (one, other) = (self.anyone()?, self.anyone()?);
        (one != other).then_some((one, other))
    }
}

struct Worker<'a> {
    client: reqwest::Client,
    traffic: &'a Traffic,
    purses: [Purse; 2],
    /// The last transfer that was sent.
    last: Option<Value>,
    tally: &'a Tally,
}

impl Worker<'_> {
    async fn step(&mut self) {
        let (which, choice) = {
            let mut random = rand::rng();
            (random.random_range(0..self.purses.len()), random.random_range(0..100))
        };
        let Some(purse) = self.purses.get(which) else { return };
        match choice {
            _ if purse.customers.len() < WANTED => self.join(which).await,
            0..=3 => self.join(which).await,
            4..=52 => self.pay(which).await,
            53..=58 => self.again().await,
            59..=60 => self.another_under_the_same_key().await,
            61..=64 => self.overdraw(which).await,
            65..=66 => self.mix_currencies().await,
            67 => self.pay_nobody(which).await,
            68..=69 => self.bad_amount(which).await,
            70..=85 => self.read(which, "balance").await,
            86..=95 => self.read(which, "statement?limit=20").await,
            _ => self.list().await,
        }
    }

    /// Status and body, if there was an answer.
    async fn send(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        match request.send().await {
            Ok(answer) => {
                self.tally.answered.fetch_add(1, Ordering::Relaxed);
                let status = answer.status().as_u16();
                Some((status, answer.json().await.unwrap_or(Value::Null)))
            }
            Err(_) => {
                self.tally.unanswered.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    async fn open(&self, currency: &str, kind: &str) -> Option<Uuid> {
        let url = format!("{}/v1/accounts", self.traffic.accounts_url);
        let body = json!({"currency": currency, "kind": kind});
        let (_, account) = self.send(self.client.post(url).json(&body)).await?;
        account["account_id"].as_str().and_then(|id| Uuid::try_parse(id).ok())
    }

    async fn transfer(&self, body: &Value) -> Option<u16> {
        let url = format!("{}/v1/transfers", self.traffic.orchestrator_url);
        let (status, _) = self.send(self.client.post(url).json(body)).await?;
        Some(status)
    }

    async fn pay_from(&mut self, from: Uuid, to: Uuid, currency: &str, amount: i64) -> Option<u16> {
        let body = order(from, to, currency, amount);
        let status = self.transfer(&body).await;
        if status == Some(201) {
            self.tally.transfers.fetch_add(1, Ordering::Relaxed);
        }
        self.last = Some(body);
        status
    }

    /// A new customer, with money from the world.
    async fn join(&mut self, which: usize) {
        let Some(purse) = self.purses.get(which) else { return };
        let (currency, world) = (purse.currency, purse.world);
        let world = match world {
            Some(world) => world,
            None => match self.open(currency, "external").await {
                Some(opened) => opened,
                None => return,
            },
        };
        if let Some(purse) = self.purses.get_mut(which) {
            purse.world = Some(world);
        }
        let Some(customer) = self.open(currency, "customer").await else { return };
        if self.pay_from(world, customer, currency, FUNDING).await != Some(201) {
            return;
        }
        let Some(purse) = self.purses.get_mut(which) else { return };
        purse.customers.push_back(customer);
        if purse.customers.len() > REMEMBERED_MAX {
            purse.customers.pop_front();
        }
    }

    async fn pay(&mut self, which: usize) {
        let Some(purse) = self.purses.get(which) else { return };
        let (Some((from, to)), currency) = (purse.two(), purse.currency) else { return };
        let amount = rand::rng().random_range(1..=2_000);
        self.pay_from(from, to, currency, amount).await;
    }

    /// What a client does that did not hear the answer.
    async fn again(&self) {
        if let Some(last) = &self.last {
            self.transfer(last).await;
        }
    }

    async fn another_under_the_same_key(&self) {
        let Some(mut body) = self.last.clone() else { return };
        body["amount_minor"] = json!(body["amount_minor"].as_i64().unwrap_or_default() + 1);
        self.transfer(&body).await;
    }

    async fn overdraw(&mut self, which: usize) {
        let Some(purse) = self.purses.get(which) else { return };
        let (Some((from, to)), currency) = (purse.two(), purse.currency) else { return };
        self.pay_from(from, to, currency, FUNDING * 1_000).await;
    }

    async fn mix_currencies(&mut self) {
        let [euros, dollars] = &self.purses;
        let (Some(from), Some(to)) = (euros.anyone(), dollars.anyone()) else { return };
        self.pay_from(from, to, "EUR", 5).await;
    }

    async fn pay_nobody(&mut self, which: usize) {
        let Some(purse) = self.purses.get(which) else { return };
        let (Some(from), currency) = (purse.anyone(), purse.currency) else { return };
        self.pay_from(from, Uuid::new_v4(), currency, 5).await;
    }

    async fn bad_amount(&self, which: usize) {
        let Some((from, to)) = self.purses.get(which).and_then(Purse::two) else { return };
        let mut body = order(from, to, "EUR", 1);
        body["amount_minor"] = json!(1.5);
        self.transfer(&body).await;
    }

    async fn read(&self, which: usize, what: &str) {
        let Some(account) = self.purses.get(which).and_then(Purse::anyone) else { return };
        let url = format!("{}/v1/accounts/{account}/{what}", self.traffic.read_model_url);
        self.send(self.client.get(url)).await;
    }

    async fn list(&self) {
        self.send(self.client.get(format!("{}/v1/balances?limit=20", self.traffic.read_model_url))).await;
    }
}

fn order(from: Uuid, to: Uuid, currency: &str, amount: i64) -> Value {
    json!({
        "idempotency_key": Uuid::new_v4(),
        "from_account_id": from,
        "to_account_id": to,
        "amount_minor": amount,
        "currency": currency,
    })
}
