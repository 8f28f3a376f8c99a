//! The thread that owns all network work, with a runtime of its own: nothing a service's runtime
//! does, or lacks, can stop it, and it can never stop the service.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::encode::{Encoder, ResourceBytes};
use super::lane::{Command, Control, Done, Lane, Sink};
use super::source::Source;
use super::transport::Transport;
use crate::clock;
use crate::core::Core;
use crate::diagnostics::ExportLog;
use crate::error::Reason;
use crate::layer::active;
use crate::settings::{BatchSettings, ExporterKind, OtlpSettings, Signal};

/// Commands waiting for a lane; a flush beyond this answers at once that it did nothing.
const COMMANDS_MAX: usize = 64;

/// The running export thread.
#[derive(Debug, Clone)]
pub(crate) struct ExportThread {
    lanes: Vec<mpsc::Sender<Command>>,
    metrics: mpsc::Sender<Command>,
}

impl ExportThread {
    pub(crate) fn start(core: &Arc<Core>) -> Result<Self, Reason> {
        let resource = ResourceBytes::new(&core.settings.resource);
        let settings = &core.settings;
        let spans =
            Source::Spans { taken: Vec::new(), encoder: Encoder::default(), resource: resource.clone() };
        let logs = Source::Logs { taken: Vec::new(), encoder: Encoder::default(), resource };
        let traces = &settings.traces;
        let (span_lane, span_commands) = lane(core, spans, traces.exporter, &traces.otlp, traces.batch)?;
        let log = &settings.logs;
        let (log_lane, log_commands) = lane(core, logs, log.exporter, &log.otlp, log.batch)?;
        let metric = &settings.metrics;
        let (metric_lane, metrics) =
            lane(core, Source::Metrics, metric.exporter, &metric.otlp, metric.batch)?;
        std::thread::Builder::new()
            .name("throughline-export".to_owned())
            .spawn(move || run(vec![span_lane, log_lane, metric_lane]))
            .map_err(Reason::Thread)?;
        Ok(Self { lanes: vec![span_commands, log_commands], metrics })
    }

    /// Asks the lanes of spans and logs to flush; `done` is called once for each.
    pub(crate) fn flush(&self, limit: Duration, done: &dyn Fn() -> Done) {
        let deadline = Instant::now() + limit;
        for lane in &self.lanes {
            send(lane, Command::Flush { deadline, done: done() });
        }
    }

    /// Asks every lane to finish; `done` is called once for each. The metrics lane goes on until
    /// `collected` completes.
    pub(crate) fn finish(&self, limit: Duration, collected: oneshot::Receiver<()>, done: &dyn Fn() -> Done) {
        let deadline = Instant::now() + limit;
        for lane in &self.lanes {
            send(lane, Command::Finish { deadline, after: None, done: done() });
        }
        send(&self.metrics, Command::Finish { deadline, after: Some(collected), done: done() });
    }
}

fn send(lane: &mpsc::Sender<Command>, command: Command) {
    if let Err(refused) = lane.try_send(command) {
        match refused.into_inner() {
            Command::Flush { done, .. } | Command::Finish { done, .. } => done(false),
        }
    }
}

fn lane(
    core: &Arc<Core>,
    source: Source,
    exporter: ExporterKind,
    otlp: &OtlpSettings,
    batch: BatchSettings,
) -> Result<(Lane, mpsc::Sender<Command>), Reason> {
    let signal = source.signal();
    let sink = match exporter {
        ExporterKind::Otlp => Sink::Otlp(Box::new(Transport::new(otlp.clone(), signal)?)),
        ExporterKind::Console | ExporterKind::None => Sink::Console,
    };
    let (sender, commands) = mpsc::channel(COMMANDS_MAX);
    let target = match signal {
        Signal::Traces => "spans",
        Signal::Metrics => "data points",
        Signal::Logs => "log records",
    };
    let log = ExportLog::new(Arc::clone(core), target, otlp.url.to_string());
    let control = Control::new(commands);
    Ok((Lane { core: Arc::clone(core), source, sink, batch, control, log }, sender))
}

fn run(lanes: Vec<Lane>) {
    active::silence_thread();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(fault) => {
            if let Some(lane) = lanes.first() {
                lane.log.unavailable(&fault);
            }
            return;
        }
    };
    runtime.block_on(async {
        let work = futures::future::join_all(lanes.into_iter().map(Lane::run));
        let clock = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                clock::refresh();
            }
        };
        tokio::select! {
            _ = work => {}
            () = clock => {}
        }
    });
    // A name look-up may still hang on a blocking thread: leave it behind.
    runtime.shutdown_background();
}
