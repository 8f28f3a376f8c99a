//! Everything that can be configured, resolved once at start.
//!
//! From weakest to strongest: defaults, the builder, the file section, `TRACING_*`, `OTEL_*`. A
//! variable that makes no sense is reported and ignored, as the specification asks.

mod environment;
mod file;
mod levels;
mod otlp;
mod read;
mod resource;
mod signals;

pub use environment::Environment;
pub use file::TracingConfig;
pub(crate) use levels::Levels;
pub(crate) use otlp::{Compression, OtlpSettings, Protocol, Signal, TlsFiles};
pub(crate) use read::Reader;
pub(crate) use signals::{
    BatchSettings, ExemplarFilter, ExporterKind, HistogramKind, MetricSettings, SignalSettings, Temporality,
};

use crate::error::Reason;
use crate::fields::FieldLimits;
use crate::layer::span_data::SpanLimits;
use crate::propagation::{self, Propagator};
use crate::sampler::Sampler;

/// What the builder was told in code.
#[derive(Debug, Clone, Default)]
pub(crate) struct CodeSettings {
    pub(crate) service: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) config: TracingConfig,
    pub(crate) log_lines: bool,
    pub(crate) log_filter: Option<String>,
    pub(crate) queue: Option<(usize, usize)>,
    #[cfg(feature = "audit")]
    pub(crate) audit: crate::audit::AuditSettings,
    #[cfg(feature = "prometheus")]
    pub(crate) no_prometheus: bool,
    #[cfg(feature = "runtime")]
    pub(crate) no_runtime_metrics: bool,
    #[cfg(feature = "process")]
    pub(crate) no_process_metrics: bool,
}

/// How an exception reaches the backend: `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExceptionSignal {
    pub(crate) span_event: bool,
    pub(crate) log: bool,
}

/// The resolved configuration.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) service_name: String,
    pub(crate) resource: Vec<opentelemetry::KeyValue>,
    pub(crate) propagators: Vec<Propagator>,
    pub(crate) sampler: Sampler,
    pub(crate) span_limits: SpanLimits,
    pub(crate) log_limits: FieldLimits,
    pub(crate) traces: SignalSettings,
    pub(crate) logs: SignalSettings,
    pub(crate) metrics: MetricSettings,
    pub(crate) levels: Levels,
    pub(crate) log_lines: bool,
    pub(crate) exceptions: ExceptionSignal,
    #[cfg(feature = "audit")]
    pub(crate) audit: crate::audit::AuditSettings,
    /// Level of the toolkit's own messages: `OTEL_LOG_LEVEL`.
    pub(crate) diagnostics: tracing::level_filters::LevelFilter,
    /// What was wrong with the environment.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// No span is recorded; contexts pass through unaltered.
    pub(crate) fn traces_off(&self) -> bool {
        self.traces.exporter == ExporterKind::None
    }

    /// Metrics are read by others than the exporter.
    pub(crate) fn is_scraped(&self) -> bool {
        self.metrics.scraped
    }

    pub(crate) fn resolve(code: &CodeSettings, environment: &Environment) -> Result<Self, Reason> {
        check_file(&code.config)?;
        let mut read = Reader::new(environment);
        let disabled = disabled(&mut read, &code.config);
        let resource = resource::resolve(&mut read, code);
        let traces = signals::resolve(&mut read, Signal::Traces, code, disabled)?;
        let logs = signals::resolve(&mut read, Signal::Logs, code, disabled)?;
        let metrics = signals::resolve_metrics(&mut read, code, disabled)?;
        let filter = environment.get("RUST_LOG").or_else(|| code.log_filter.clone());
        let levels = Levels::parse(filter.as_deref(), &mut read);
        let settings = Self {
            service_name: resource.service_name,
            resource: resource.attributes,
            propagators: propagators(&mut read),
            sampler: sampler(&mut read, &code.config),
            span_limits: span_limits(&mut read),
            log_limits: log_limits(&mut read),
            traces,
            logs,
            metrics,
            levels,
            log_lines: code.log_lines,
            exceptions: exceptions(&mut read),
            #[cfg(feature = "audit")]
            audit: code.audit,
            diagnostics: diagnostics(&mut read),
            warnings: Vec::new(),
        };
        read.text("OTEL_CONFIG_FILE").inspect(|_| {
            read.warn("OTEL_CONFIG_FILE", "declarative configuration files are not supported");
        });
        Ok(Self { warnings: read.into_warnings(), ..settings })
    }
}

fn check_file(config: &TracingConfig) -> Result<(), Reason> {
    match config.sampling_rate {
        Some(rate) if !(0.0..=1.0).contains(&rate) => {
            Err(Reason::setting("tracing.sampling_rate", format!("{rate} is not within 0.0 to 1.0")))
        }
        _ => Ok(()),
    }
}

fn disabled(read: &mut Reader<'_>, config: &TracingConfig) -> bool {
    if read.text("OTEL_SDK_DISABLED").is_some() {
        return read.boolean("OTEL_SDK_DISABLED").unwrap_or(false);
    }
    !read.switch("TRACING_ENABLED").unwrap_or(config.enabled)
}

fn propagators(read: &mut Reader<'_>) -> Vec<Propagator> {
    let Some(text) = read.text("OTEL_PROPAGATORS") else {
        return propagation::DEFAULT.to_vec();
    };
    let mut list = Vec::new();
    for name in text.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        match Propagator::parse(name) {
            _ if name == "none" => return Vec::new(),
            Some(propagator) if list.contains(&propagator) => {}
            Some(propagator) => list.push(propagator),
            None => read.warn("OTEL_PROPAGATORS", format!("unknown propagator `{name}`")),
        }
    }
    list
}

fn sampler(read: &mut Reader<'_>, config: &TracingConfig) -> Sampler {
    let rate = read.ratio("TRACING_SAMPLING_RATE").or(config.sampling_rate).unwrap_or(1.0);
    let fallback = Sampler::parent_based(Sampler::ratio(rate));
    let Some(name) = read.text("OTEL_TRACES_SAMPLER") else { return fallback };
    let ratio = || Sampler::ratio(1.0);
    match name.as_str() {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "parentbased_always_on" => Sampler::parent_based(Sampler::AlwaysOn),
        "parentbased_always_off" => Sampler::parent_based(Sampler::AlwaysOff),
        "traceidratio" => read.ratio("OTEL_TRACES_SAMPLER_ARG").map_or_else(ratio, Sampler::ratio),
        "parentbased_traceidratio" => {
            let root = read.ratio("OTEL_TRACES_SAMPLER_ARG").map_or_else(ratio, Sampler::ratio);
            Sampler::parent_based(root)
        }
        other => {
            read.warn("OTEL_TRACES_SAMPLER", format!("`{other}` is not supported"));
            fallback
        }
    }
}

fn span_limits(read: &mut Reader<'_>) -> SpanLimits {
    let defaults = SpanLimits::default();
    let count = read.count("OTEL_ATTRIBUTE_COUNT_LIMIT").unwrap_or(128);
    let length = read.count("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    let length = read.count("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT").or(length);
    let value_length = length.unwrap_or(usize::MAX);
    let fields = |count| FieldLimits { count, value_length };
    let links = read.count("OTEL_SPAN_LINK_COUNT_LIMIT");
    SpanLimits {
        fields: fields(read.count("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT").unwrap_or(count)),
        events: read.count("OTEL_SPAN_EVENT_COUNT_LIMIT").unwrap_or(defaults.events),
        links: links.unwrap_or(defaults.links),
        links_in_all: links.unwrap_or(defaults.links_in_all),
        event_fields: fields(read.count("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT").unwrap_or(count)),
        link_fields: fields(read.count("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT").unwrap_or(count)),
    }
}

fn log_limits(read: &mut Reader<'_>) -> FieldLimits {
    let count = read.count("OTEL_ATTRIBUTE_COUNT_LIMIT");
    let length = read.count("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    let own_count = read.count("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT");
    let own_length = read.count("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    FieldLimits {
        count: own_count.or(count).unwrap_or(128),
        value_length: own_length.or(length).unwrap_or(usize::MAX),
    }
}

fn exceptions(read: &mut Reader<'_>) -> ExceptionSignal {
    let name = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN";
    match read.text(name).as_deref() {
        None => ExceptionSignal { span_event: true, log: false },
        Some("logs") => ExceptionSignal { span_event: false, log: true },
        Some("logs/dup") => ExceptionSignal { span_event: true, log: true },
        Some(other) => {
            read.warn(name, format!("unknown value `{other}`"));
            ExceptionSignal { span_event: true, log: false }
        }
    }
}

fn diagnostics(read: &mut Reader<'_>) -> tracing::level_filters::LevelFilter {
    let name = "OTEL_LOG_LEVEL";
    let Some(text) = read.text(name) else { return tracing::level_filters::LevelFilter::INFO };
    let text = text.to_ascii_lowercase();
    let known = match text.as_str() {
        "none" => Some(tracing::level_filters::LevelFilter::OFF),
        "fatal" => Some(tracing::level_filters::LevelFilter::ERROR),
        "warning" => Some(tracing::level_filters::LevelFilter::WARN),
        "verbose" | "all" => Some(tracing::level_filters::LevelFilter::TRACE),
        other => other.parse().ok(),
    };
    known.unwrap_or_else(|| {
        read.warn(name, format!("unknown level `{text}`"));
        tracing::level_filters::LevelFilter::INFO
    })
}

#[cfg(test)]
mod tests;
