//! The running platform: store, pipelines, receivers, exporters, servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use throughline_api::{Api, StatusSource};
use throughline_model::{Clock, SystemClock};
use throughline_pipeline::{MemoryLimiter, Pipeline, Pressure, Registry};
use throughline_query::{Engine, Limits};
use throughline_store::store::Store;
use throughline_transport::inbound::{Door, Intake, Listeners, OtlpReceiver, ReceiverLimits};
use throughline_transport::outbound::{ExportSource, LogExporter};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::status::PlatformStatus;
use crate::config::{Config, Exporter, Extension, Receiver};
use crate::export::LogQueue;
use crate::http::Servers;
use crate::self_telemetry::{self, Readiness};
use crate::{pipelines, replay, ui};

/// Everything that runs.
pub struct Platform {
    store: Arc<Store>,
    receivers: Vec<(String, OtlpReceiver)>,
    exporters: Vec<LogExporter>,
    servers: Servers,
    readiness: Readiness,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    data_dir: PathBuf,
}

impl Platform {
    /// Starts every part: store (with recovery), pipelines, exporters, query servers, receivers
    /// last, so that nothing is accepted before it can be kept.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        super::prepare(&config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = Registry::default();
        let limiter = pipelines::memory_limiter(&config, Arc::clone(&clock), &registry)?;
        let replayed = replay::replay(pipelines::for_replay(&config));
        let (store, report) = Store::open(config.storage.clone(), replayed).await?;
        if report.is_clean() {
            tracing::info!(records = report.records, took = ?report.duration, "the store is open");
        } else {
            tracing::warn!(?report, "the store is open; recovery found damage");
        }
        self_telemetry::observe_store(&registry, &store);
        let pipelines = pipelines::build(&config, &store, &registry);
        let exporters = start_exporters(&config, &store, &pipelines, &registry)?;
        let readiness = Readiness::default();
        let (stop, _) = watch::channel(false);
        let tasks = vec![tokio::spawn(relieve(Arc::clone(&limiter), Arc::clone(&store), stop.subscribe()))];
        let mut platform = Self {
            store: Arc::clone(&store),
            receivers: Vec::new(),
            exporters,
            servers: Servers::new(),
            readiness: readiness.clone(),
            stop,
            tasks,
            data_dir: config.storage.data_dir.clone(),
        };
        let status = Arc::new(PlatformStatus::new(Arc::clone(&store), registry.clone(), readiness, &config));
        platform.start_receivers(&config, &pipelines, &limiter, &clock, &registry).await?;
        status.set_receivers(platform.receiver_addresses());
        platform.start_servers(&config, status, registry).await?;
        platform.readiness.set(true);
        Ok(platform)
    }

    async fn start_receivers(
        &mut self,
        config: &Config,
        pipelines: &BTreeMap<String, Arc<Pipeline>>,
        limiter: &Arc<MemoryLimiter>,
        clock: &Arc<dyn Clock>,
        registry: &Registry,
    ) -> anyhow::Result<()> {
        let limits = ReceiverLimits::default();
        let door = Arc::new(Door::new(Arc::clone(limiter), limits));
        for (id, receiver) in &config.receivers {
            let fed: Vec<Arc<Pipeline>> = config
                .pipelines
                .iter()
                .filter(|(_, pipeline)| pipeline.receivers.contains(id))
                .filter_map(|(name, _)| pipelines.get(name).cloned())
                .collect();
            if fed.is_empty() {
                tracing::warn!(receiver = %id, "no pipeline names this receiver; it is not started");
                continue;
            }
            let Receiver::Otlp(settings) = receiver;
            let intake = Arc::new(Intake::new(&id.to_string(), fed, Arc::clone(clock), registry.clone()));
            let started =
                OtlpReceiver::start(settings, intake, Arc::clone(&door), limits, Listeners::default())
                    .await?;
            self.receivers.push((id.to_string(), started));
        }
        Ok(())
    }

    async fn start_servers(
        &mut self,
        config: &Config,
        status: Arc<PlatformStatus>,
        registry: Registry,
    ) -> anyhow::Result<()> {
        let limits = Limits {
            deadline: config.query.timeout,
            bytes_max: Some(config.query.bytes_max),
            rows_max: Some(config.query.rows_max),
            ..Limits::default()
        };
        let engine = Arc::new(Engine::new(Arc::clone(&self.store), limits));
        let api = Api::new(engine, status as Arc<dyn StatusSource>);
        let own = self_telemetry::routes(registry, self.readiness.clone());
        let everything = Router::new()
            .merge(own.clone())
            .merge(api.native())
            .nest("/tempo", api.tempo())
            .nest("/jaeger", api.jaeger())
            .merge(ui::routes());
        self.servers.serve("ui", &config.server.endpoint, everything).await?;
        let foreign = |routes: Router| routes.merge(own.clone());
        self.servers.serve_if_free("tempo", &config.server.tempo_endpoint, foreign(api.tempo())).await;
        self.servers.serve_if_free("jaeger", &config.server.jaeger_endpoint, foreign(api.jaeger())).await;
        for extension in config.extensions.values() {
            if let Extension::HealthCheck { endpoint } = extension {
                let routes = self_telemetry::health_check(self.readiness.clone());
                self.servers.serve("health_check", endpoint, routes).await?;
            }
        }
        Ok(())
    }

    fn receiver_addresses(&self) -> Vec<(String, SocketAddr)> {
        let mut addresses = Vec::new();
        for (id, receiver) in &self.receivers {
            let both = [("grpc", receiver.grpc_address()), ("http", receiver.http_address())];
            addresses.extend(both.into_iter().filter_map(|(name, at)| Some((format!("{id}/{name}"), at?))));
        }
        addresses
    }

    /// Names and addresses of everything that listens.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let servers = self.servers.addresses().iter().map(|(name, address)| ((*name).to_owned(), *address));
        servers.chain(self.receiver_addresses()).collect()
    }

    /// Where the data is.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Stops intake, drains, stops exporters, makes the log safe, stops the servers.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        let started = Instant::now();
        self.readiness.set(false);
        for (id, receiver) in self.receivers {
            let report = receiver.shutdown(super::DRAIN).await;
            tracing::debug!(receiver = %id, ?report, "drained");
        }
        self.stop.send_replace(true);
        for exporter in self.exporters {
            exporter.shutdown(Duration::from_secs(1)).await;
        }
        for task in self.tasks {
            task.await?;
        }
        self.servers.shutdown().await;
        let report = self.store.shutdown().await?;
        tracing::info!(?report, took = ?started.elapsed(), "stopped");
        Ok(())
    }
}

fn start_exporters(
    config: &Config,
    store: &Arc<Store>,
    pipelines: &BTreeMap<String, Arc<Pipeline>>,
    registry: &Registry,
) -> anyhow::Result<Vec<LogExporter>> {
    let configured = pipelines::log_exporters(config);
    let names: Vec<String> = configured.iter().map(|(id, ..)| id.to_string()).collect();
    // The log is no longer kept for exporters that were configured away.
    store.retain_readers(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut started = Vec::new();
    for (id, exporter, names, batch) in configured {
        let queue = LogQueue::new(store.reader(&id.to_string())?);
        let sources: Vec<Arc<Pipeline>> =
            names.iter().filter_map(|name| pipelines.get(name).cloned()).collect();
        let source = ExportSource { queue, pipelines: sources, batch: batch.unwrap_or_default() };
        let name = id.to_string();
        started.push(match exporter {
            Exporter::OtlpGrpc(settings) => LogExporter::grpc(&name, settings, source, registry)?,
            Exporter::OtlpHttp(settings) => LogExporter::http(&name, settings, source, registry)?,
            Exporter::Store | Exporter::Debug(_) => continue,
        });
    }
    Ok(started)
}

/// Flushes live data when memory is short; measures while no request does.
async fn relieve(limiter: Arc<MemoryLimiter>, store: Arc<Store>, mut stop: watch::Receiver<bool>) {
    let mut pressure = limiter.pressure();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            changed = pressure.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            _ = ticks.tick() => limiter.measure_when_due(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let short = *pressure.borrow_and_update() != Pressure::Normal;
        if short && let Err(error) = store.flush().await {
            tracing::warn!(%error, "live data could not be flushed when memory was short");
        }
    }
}
