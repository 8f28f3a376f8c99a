//! The ledger system of the demonstration: four services on PostgreSQL, Redis and Kafka.

use anyhow::Context as _;
use ledger::Service;
use ledger::traffic::Traffic;

use super::processes::{Processes, Surroundings};
use super::servers::Servers;

/// Starts its services; the traffic that keeps them busy.
pub(super) async fn start(
    around: &Surroundings,
    servers: &Servers,
    rate: f64,
    processes: &mut Processes,
) -> anyhow::Result<Traffic> {
    let mut urls: Vec<(Service, String)> = Vec::new();
    for service in Service::ALL {
        let url =
            |of: Service| urls.iter().find(|(known, _)| *known == of).map_or("", |(_, url)| url.as_str());
        let mut command = around.command("ledger", service.name())?;
        command
            .env("DATABASE_URL", &servers.postgres)
            .env("REDIS_URL", &servers.redis)
            .env("KAFKA", &servers.kafka)
            .env("ACCOUNTS_URL", url(Service::Accounts))
            .env("LEDGER_URL", url(Service::Ledger));
        let url = processes.start(service.name(), command, around).await?;
        urls.push((service, url));
    }
    let mut url = |of: Service| {
        let found = urls.iter_mut().find(|(known, _)| *known == of);
        found.map(|(_, url)| std::mem::take(url)).with_context(|| format!("{} did not start", of.name()))
    };
    Ok(Traffic {
        accounts_url: url(Service::Accounts)?,
        orchestrator_url: url(Service::Orchestrator)?,
        read_model_url: url(Service::ReadModel)?,
        rate,
    })
}
