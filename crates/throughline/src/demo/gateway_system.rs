//! The gateway system of the demonstration: HTTP between three services, SQLite behind them.

use std::path::Path;

use anyhow::Context as _;
use gateway::Service;
use gateway::traffic::Traffic;

use super::processes::{Processes, Surroundings};

/// Starts its services; the traffic that keeps them busy.
pub(super) async fn start(
    around: &Surroundings,
    rate: f64,
    processes: &mut Processes,
) -> anyhow::Result<Traffic> {
    let mut urls: Vec<(Service, String)> = Vec::new();
    for service in Service::ALL {
        let url =
            |of: Service| urls.iter().find(|(known, _)| *known == of).map_or("", |(_, url)| url.as_str());
        let mut command = around.command("gateway", service.name())?;
        command
            .env("DATABASE_URL", database(&around.folder, service))
            .env("AUTH_SERVICE_URL", url(Service::AuthService))
            .env("USER_SERVICE_URL", url(Service::UserService))
            .env("MAIL_URL", "http://127.0.0.1:9/welcome-mail")
            .env("FAULT_SLOW_SHARE", "0.06")
            .env("FAULT_SLOW_MS", "650")
            .env("FAULT_FAIL_SHARE", "0.02");
        let url = processes.start(service.name(), command, around).await?;
        urls.push((service, url));
    }
    let gateway = urls.into_iter().find(|(service, _)| *service == Service::ApiGateway);
    let (_, url) = gateway.context("the api-gateway did not start")?;
    Ok(Traffic { url, rate })
}

fn database(folder: &Path, service: Service) -> String {
    format!("sqlite:{}", folder.join(format!("{}.sqlite", service.name())).display())
}
