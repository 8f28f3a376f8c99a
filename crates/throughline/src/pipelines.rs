//! From the configuration's pipelines to running ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use throughline_model::Clock;
use throughline_pipeline::{
    Acknowledgement, BatchSettings, MemoryLimiter, MemoryLimiterSettings, Output, Pipeline,
    Processor as Stage, Registry, ResourceProcessor,
};
use throughline_store::store::Store;
use throughline_transport::outbound::DebugExporter;

use crate::config::{ComponentId, Config, Exporter, PipelineConfig, Processor};
use crate::replay::ReplayPipeline;
use crate::store_sink::StoreSink;

/// The process's memory limiter: the first one configured, or the built-in bounds.
pub fn memory_limiter(
    config: &Config,
    clock: Arc<dyn Clock>,
    registry: &Registry,
) -> anyhow::Result<Arc<MemoryLimiter>> {
    let configured = config.processors.values().find_map(|processor| match processor {
        Processor::MemoryLimiter(settings) => Some(settings.clone()),
        _ => None,
    });
    let settings = configured.unwrap_or_else(MemoryLimiterSettings::built_in);
    Ok(MemoryLimiter::new(&settings, clock, registry)?)
}

/// What replay needs to know of each pipeline.
pub fn for_replay(config: &Config) -> BTreeMap<String, ReplayPipeline> {
    let replay = |pipeline: &PipelineConfig| ReplayPipeline {
        processors: stages(config, pipeline),
        keeps_rows: keeps_rows(config, pipeline),
    };
    config.pipelines.iter().map(|(name, pipeline)| (name.clone(), replay(pipeline))).collect()
}

/// Builds every pipeline.
pub fn build(config: &Config, store: &Arc<Store>, registry: &Registry) -> BTreeMap<String, Arc<Pipeline>> {
    let build = |(name, pipeline): (&String, &PipelineConfig)| {
        let sink = StoreSink::new(Arc::clone(store), keeps_rows(config, pipeline));
        let mut outputs = vec![Output::new("store", Arc::new(sink), Acknowledgement::Required)];
        for id in &pipeline.exporters {
            if let Some(Exporter::Debug(settings)) = config.exporters.get(id) {
                let exporter = DebugExporter::new(&id.to_string(), settings, registry);
                outputs.push(Output::new(&id.to_string(), Arc::new(exporter), Acknowledgement::BestEffort));
            }
        }
        let built = Pipeline::new(name, pipeline.signal, stages(config, pipeline), outputs, registry);
        (name.clone(), Arc::new(built))
    };
    config.pipelines.iter().map(build).collect()
}

/// The exporters that read the log, with the pipelines that name them and how to group.
pub fn log_exporters(config: &Config) -> Vec<(ComponentId, &Exporter, Vec<String>, Option<BatchSettings>)> {
    let reads_log = |exporter: &Exporter| matches!(exporter, Exporter::OtlpGrpc(_) | Exporter::OtlpHttp(_));
    let mut exporters = Vec::new();
    for (id, exporter) in config.exporters.iter().filter(|(_, exporter)| reads_log(exporter)) {
        let users: Vec<(&String, &PipelineConfig)> =
            config.pipelines.iter().filter(|(_, pipeline)| pipeline.exporters.contains(id)).collect();
        if users.is_empty() {
            continue;
        }
        let batch = users.iter().flat_map(|(_, pipeline)| &pipeline.processors).find_map(|id| {
            match config.processors.get(id) {
                Some(Processor::Batch(settings)) => Some(settings.clone()),
                _ => None,
            }
        });
        let names = users.into_iter().map(|(name, _)| name.clone()).collect();
        exporters.push((id.clone(), exporter, names, batch));
    }
    exporters
}

fn keeps_rows(config: &Config, pipeline: &PipelineConfig) -> bool {
    pipeline.exporters.iter().any(|id| matches!(config.exporters.get(id), Some(Exporter::Store)))
}

fn stages(config: &Config, pipeline: &PipelineConfig) -> Vec<Arc<dyn Stage>> {
    let stage = |id| match config.processors.get(id)? {
        Processor::Resource(settings) => {
            Some(Arc::new(ResourceProcessor::new(settings.clone())) as Arc<dyn Stage>)
        }
        // The limiter stands before decoding and batching happens in the log and the exporters.
        Processor::MemoryLimiter(_) | Processor::Batch(_) => None,
    };
    pipeline.processors.iter().filter_map(stage).collect()
}
