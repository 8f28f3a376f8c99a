//! The four services as processes of their own, with databases and a topic of their own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::str::FromStr as _;
use std::time::Duration;

use ledger::Service;
use rand::Rng as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::servers::Servers;

/// How long anything may take that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running system.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) servers: Servers,
    pub(crate) client: reqwest::Client,
    /// Tells this run's databases, topic and log files from others'.
    run: String,
    settings: Vec<(String, String)>,
    processes: HashMap<Service, Process>,
    logs: PathBuf,
}

#[derive(Debug)]
struct Process {
    child: Option<Child>,
    port: Option<u16>,
}

/// An answer: status, marks, body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) replayed: bool,
    pub(crate) retry_after: bool,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl System {
    /// All four, with settings of the test's own.
    pub(crate) async fn start(servers: Servers, settings: &[(&str, &str)]) -> Self {
        let mut system = Self::prepare(servers, settings);
        system.launch_all().await;
        system
    }

    pub(crate) async fn launch_all(&mut self) {
        for service in Service::ALL {
            self.launch(service).await;
        }
    }

    /// None of them yet.
    pub(crate) fn prepare(servers: Servers, settings: &[(&str, &str)]) -> Self {
        let run = Uuid::new_v4().simple().to_string()[..12].to_owned();
        let logs = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ledger-{run}"));
        std::fs::create_dir_all(&logs).unwrap();
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        let process = |service| (service, Process { child: None, port: None });
        Self {
            servers,
            client,
            run,
            settings: settings.collect(),
            processes: Service::ALL.map(process).into(),
            logs,
        }
    }

    /// Starts a service and waits until it answers: on the port that it had, else on one that is
    /// free. Another program may have that port just now.
    pub(crate) async fn launch(&mut self, service: Service) {
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let known = self.processes[&service].port;
            let port = known.unwrap_or_else(|| rand::rng().random_range(10_240..20_000));
            if let Some(child) = self.spawn(service, port).await {
                self.processes.insert(service, Process { child: Some(child), port: Some(port) });
                return;
            }
            let late = std::time::Instant::now() > until;
            assert!(!late, "{} does not start; its log: {}", service.name(), self.logs.display());
        }
    }

    /// Another setting for services that start from now on.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.push((key.to_owned(), value.to_owned()));
    }

    async fn spawn(&self, service: Service, port: u16) -> Option<Child> {
        let log = self.logs.join(format!("{}.log", service.name()));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ledger"))
            .arg(service.name())
            .env("LISTEN", format!("127.0.0.1:{port}"))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
            .env("ACCOUNTS_URL", self.url(Service::Accounts))
            .env("LEDGER_URL", self.url(Service::Ledger))
            .env("DATABASE_URL", &self.servers.postgres)
            .env("DATABASE_NAME", self.database(service))
            .env("REDIS_URL", &self.servers.redis)
            .env("KAFKA", &self.servers.kafka)
            .env("TOPIC", self.topic())
            .env("CONSUMER_GROUP", format!("read-model-{}", self.run))
            .envs(self.settings.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it listens").unwrap();
        line.map(|_| child)
    }

    /// An idempotency key that no other run uses.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{name}-{}", self.run)
    }

    pub(crate) fn topic(&self) -> String {
        format!("ledger.entry.v1-{}", self.run)
    }

    fn database(&self, service: Service) -> String {
        format!("{}_{}", service.name().replace('-', "_"), self.run)
    }

    pub(crate) fn url(&self, service: Service) -> String {
        format!("http://127.0.0.1:{}", self.processes[&service].port.unwrap_or(1))
    }

    /// SIGKILL, and the end of it.
    pub(crate) async fn kill(&mut self, service: Service) {
        let mut child = self.processes.get_mut(&service).unwrap().child.take().unwrap();
        child.kill().await.unwrap();
    }

    /// SIGTERM; whether it ended well.
    pub(crate) async fn terminate(&mut self, service: Service) -> bool {
        self.ask_to_stop(service);
        self.ended_well(service).await
    }

    /// SIGTERM.
    pub(crate) fn ask_to_stop(&self, service: Service) {
        let child = self.processes[&service].child.as_ref().unwrap();
        let pid = child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    pub(crate) async fn ended_well(&mut self, service: Service) -> bool {
        let mut child = self.processes.get_mut(&service).unwrap().child.take().unwrap();
        tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap().success()
    }

    /// All of them, those first that call others, so that each says what it has to say.
    pub(crate) async fn terminate_all(&mut self) {
        for service in Service::ALL.into_iter().rev() {
            assert!(self.terminate(service).await, "{}", service.name());
        }
    }

    pub(crate) fn log(&self, service: Service) -> String {
        std::fs::read_to_string(self.logs.join(format!("{}.log", service.name()))).unwrap()
    }

    /// A connection to a service's own database.
    pub(crate) async fn database_of(&self, service: Service) -> PgConnection {
        let options = PgConnectOptions::from_str(&self.servers.postgres).unwrap();
        options.database(&self.database(service)).connect().await.unwrap()
    }

    pub(crate) async fn count(&self, service: Service, sql: &'static str) -> i64 {
        let mut connection = self.database_of(service).await;
        sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
    }

    pub(crate) async fn redis(&self, command: &redis::Cmd) {
        let client = redis::Client::open(self.servers.redis.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        command.exec_async(&mut connection).await.unwrap();
    }

    /// Makes Redis forget an order, as its end would.
    pub(crate) async fn forget(&self, key: &str) {
        self.redis(redis::cmd("DEL").arg(format!("transfer:{key}"))).await;
    }

    /// Ends a test that went well: nothing is left on the servers.
    pub(crate) async fn stop(mut self) {
        for process in self.processes.values_mut() {
            if let Some(mut child) = process.child.take() {
                child.kill().await.unwrap();
            }
        }
        let options = PgConnectOptions::from_str(&self.servers.postgres).unwrap();
        let mut connection = options.connect().await.unwrap();
        for service in Service::ALL {
            let drop = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.database(service));
            sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
        }
        let kafka = ClientConfig::new().set("bootstrap.servers", &self.servers.kafka).create();
        let kafka: AdminClient<DefaultClientContext> = kafka.unwrap();
        kafka.delete_topics(&[&self.topic()], &AdminOptions::new()).await.unwrap();
        std::fs::remove_dir_all(&self.logs).unwrap();
    }
}

/// Requests.
impl System {
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let marked = |name: &str| answer.headers().contains_key(name);
        let (replayed, retry_after) = (marked("idempotent-replayed"), marked("retry-after"));
        let body = answer.text().await?;
        let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
        Ok(Answer { status, replayed, retry_after, body })
    }

    pub(crate) async fn post(&self, service: Service, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.url(service));
        self.send(self.client.post(url).json(body)).await.unwrap()
    }

    pub(crate) async fn get(&self, service: Service, path: &str) -> Answer {
        self.send(self.client.get(format!("{}{path}", self.url(service)))).await.unwrap()
    }

    pub(crate) async fn open(&self, currency: &str, kind: &str) -> Uuid {
        let answer =
            self.post(Service::Accounts, "/v1/accounts", &json!({"currency": currency, "kind": kind})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["account_id"].as_str().unwrap().parse().unwrap()
    }

    /// A customer's account with money in it, and the external one it came from.
    pub(crate) async fn funded(&self, amount_minor: i64) -> (Uuid, Uuid) {
        let (world, customer) = (self.open("EUR", "external").await, self.open("EUR", "customer").await);
        let body = order(&format!("fund-{customer}"), world, customer, amount_minor);
        let answer = self.post(Service::Ledger, "/v1/entries", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        (customer, world)
    }

    pub(crate) async fn transfer(&self, body: &Value) -> Answer {
        self.post(Service::Orchestrator, "/v1/transfers", body).await
    }

    /// The balance that a service knows of.
    pub(crate) async fn balance(&self, service: Service, account: Uuid) -> Option<i64> {
        self.get(service, &format!("/v1/accounts/{account}/balance")).await.body["balance_minor"].as_i64()
    }

    pub(crate) async fn assert_balanced(&self) {
        let audit = self.get(Service::Ledger, "/v1/audit").await.body;
        assert_eq!(audit["balanced"], true, "{audit}");
    }
}

pub(crate) fn order(key: &str, from: Uuid, to: Uuid, amount_minor: i64) -> Value {
    json!({
        "idempotency_key": key,
        "from_account_id": from,
        "to_account_id": to,
        "amount_minor": amount_minor,
        "currency": "EUR",
    })
}

/// Waits until `holds` does.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = std::time::Instant::now() + PATIENCE;
    while !holds().await {
        assert!(std::time::Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
