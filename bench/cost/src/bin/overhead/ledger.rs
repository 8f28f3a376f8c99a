//! The ledger with the toolkit on, off and sampling: four processes each, on the servers of
//! `cargo xtask services`, each variant with databases, a topic and keys of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::service::{Service, Variant};
use crate::systems::{Environment, OFF, TENTH, program};

/// Customers that pay one another, so that transfers do not all wait for the same row.
const CUSTOMERS: usize = 64;

/// What each customer starts with, minor units.
const FUNDING: i64 = 1_000_000_000;

pub(crate) fn variants(collector: &str) -> anyhow::Result<Vec<Variant>> {
    let servers = servers()?;
    let variants: [(&'static str, Environment); 4] =
        [("off", &[OFF]), ("on", &[]), ("10 % sampled", &[TENTH]), ("off again", &[OFF])];
    let run = std::process::id();
    variants
        .into_iter()
        .enumerate()
        .map(|(at, (name, environment))| {
            start(name, environment, &servers, collector, &format!("cost_{run}_{at}"))
        })
        .collect()
}

/// The addresses that `cargo xtask services` wrote.
fn servers() -> anyhow::Result<Value> {
    let file = std::env::var("THROUGHLINE_SERVICES").unwrap_or("target/services/services.json".to_owned());
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{file}: no servers: run `cargo xtask services`"))?;
    Ok(serde_json::from_str(&text)?)
}

fn start(
    name: &'static str,
    environment: Environment,
    servers: &Value,
    collector: &str,
    own: &str,
) -> anyhow::Result<Variant> {
    let text = |key: &str| servers[key].as_str().with_context(|| format!("{key} is missing"));
    let mut services: Vec<Service> = Vec::new();
    for service in ["accounts", "ledger", "read-model", "orchestrator"] {
        let url = |at: usize| services.get(at).map_or("", |service: &Service| service.url.as_str());
        let mut command = program("ledger", collector)?;
        command
            .arg(service)
            .env("LISTEN", "127.0.0.1:0")
            .env("DATABASE_URL", text("postgres")?)
            .env("DATABASE_NAME", format!("{own}_{}", service.replace('-', "_")))
            .env("REDIS_URL", text("redis")?)
            .env("KAFKA", text("kafka")?)
            .env("TOPIC", format!("{own}.entry.v1"))
            .env("CONSUMER_GROUP", own)
            .env("ACCOUNTS_URL", url(0))
            .env("LEDGER_URL", url(1))
            .envs(environment.iter().copied());
        services.push(Service::start(&mut command)?);
    }
    let url = |at: usize| services.get(at).map(|service| service.url.clone()).unwrap_or_default();
    let transfers = format!("{}/v1/transfers", url(3));
    let customers = fund(&url(0), &transfers, own)?;
    let script = Some(script(own, &customers)?);
    Ok(Variant { name, url: transfers, script, services })
}

/// Opens accounts and gives each customer money; their ids.
fn fund(accounts: &str, transfers: &str, own: &str) -> anyhow::Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let post = async |url: &str, body: Value| -> anyhow::Result<Value> {
            let answer = client.post(url).json(&body).send().await?;
            let status = answer.status();
            let body: Value = answer.json().await?;
            anyhow::ensure!(status.is_success(), "{url}: {status} {body}");
            Ok(body)
        };
        let open = format!("{accounts}/v1/accounts");
        let id = |account: &Value| account["account_id"].as_str().map(str::to_owned).context("no account_id");
        let world = id(&post(&open, json!({"currency": "EUR", "kind": "external"})).await?)?;
        let mut customers = Vec::new();
        for at in 0..CUSTOMERS {
            let customer = id(&post(&open, json!({"currency": "EUR"})).await?)?;
            let transfer = json!({
                "from_account_id": world, "to_account_id": customer, "amount_minor": FUNDING,
                "currency": "EUR", "idempotency_key": format!("{own}-fund-{at}"),
            });
            post(transfers, transfer).await?;
            customers.push(customer);
        }
        Ok(customers)
    })
}

/// A script that makes wrk send transfers, each with a key of its own.
fn script(own: &str, customers: &[String]) -> anyhow::Result<PathBuf> {
    let path = Path::new("target").join(format!("{own}.lua"));
    let mut file = std::fs::File::create(&path).with_context(|| path.display().to_string())?;
    let list: Vec<String> = customers.iter().map(|id| format!("{id:?}")).collect();
    write!(
        file,
        r#"local accounts = {{{}}}
local n = 0
local run = tostring(os.time()) .. tostring(math.random(1000000000))
request = function()
  n = n + 1
  local from = n % #accounts + 1
  local to = (n + 7) % #accounts + 1
  local body = string.format(
    '{{"from_account_id":"%s","to_account_id":"%s","amount_minor":1,"currency":"EUR","idempotency_key":"{own}-%s-%d"}}',
    accounts[from], accounts[to], run, n)
  return wrk.format("POST", nil, {{["content-type"] = "application/json"}}, body)
end
"#,
        list.join(",")
    )?;
    Ok(path)
}
