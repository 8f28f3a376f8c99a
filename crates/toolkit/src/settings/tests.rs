//! One claim for each variable that can be judged without a collector; the others are proven in
//! `tests/it`.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::*;
use crate::propagation::Propagator;

fn resolve(pairs: &[(&str, &str)]) -> Settings {
    with(pairs, TracingConfig::default())
}

fn with(pairs: &[(&str, &str)], config: TracingConfig) -> Settings {
    let code = CodeSettings { service: Some("code".into()), config, ..CodeSettings::default() };
    Settings::resolve(&code, &Environment::from_pairs(pairs.iter().copied())).unwrap()
}

fn resource(settings: &Settings, key: &str) -> Option<String> {
    settings.resource.iter().find(|a| a.key.as_str() == key).map(|a| a.value.to_string())
}

#[test]
fn defaults_are_those_of_the_specification() {
    let settings = resolve(&[]);
    assert!(!settings.traces_off() && settings.warnings.is_empty());
    assert_eq!(settings.sampler, Sampler::parent_based(Sampler::AlwaysOn));
    assert_eq!(settings.propagators, [Propagator::TraceContext, Propagator::Baggage]);
    assert_eq!(settings.traces.otlp.protocol, Protocol::HttpProtobuf);
    assert_eq!(settings.traces.otlp.url, "http://localhost:4318/v1/traces");
    assert_eq!(settings.traces.otlp.timeout, Duration::from_secs(10));
    assert_eq!(settings.traces.batch.delay, Duration::from_secs(5));
    assert_eq!(settings.logs.batch.delay, Duration::from_secs(1));
    assert_eq!(settings.traces.batch.queue.batch, 512);
    assert_eq!(settings.metrics.interval, Duration::from_secs(60));
    assert_eq!(settings.metrics.exemplars, ExemplarFilter::TraceBased);
    assert_eq!(settings.span_limits, SpanLimits::default());
    assert_eq!(settings.diagnostics, LevelFilter::INFO);
}

#[test]
fn otel_sdk_disabled_is_true_only_for_true() {
    for (value, disabled, warned) in [("true", true, false), ("TRUE", true, false), ("1", false, true)] {
        let settings = resolve(&[("OTEL_SDK_DISABLED", value)]);
        assert_eq!((settings.traces_off(), !settings.warnings.is_empty()), (disabled, warned), "{value}");
        let kind = if disabled { ExporterKind::None } else { ExporterKind::Otlp };
        assert_eq!((settings.logs.exporter, settings.metrics.exporter), (kind, kind));
    }
}

#[test]
fn tracing_enabled_switches_off_and_otel_sdk_disabled_wins() {
    assert!(resolve(&[("TRACING_ENABLED", "false")]).traces_off());
    assert!(!resolve(&[("TRACING_ENABLED", "false"), ("OTEL_SDK_DISABLED", "false")]).traces_off());
    let off = TracingConfig { enabled: false, ..TracingConfig::default() };
    assert!(with(&[], off.clone()).traces_off());
    assert!(!with(&[("TRACING_ENABLED", "true")], off).traces_off());
}

#[test]
fn service_name_precedence() {
    let file = TracingConfig { service_name: Some("file".into()), ..TracingConfig::default() };
    let mut pairs = vec![];
    assert_eq!(resolve(&pairs).service_name, "code");
    assert_eq!(with(&pairs, file.clone()).service_name, "file");
    for (name, value, expected) in [
        ("TRACING_SERVICE_NAME", "tracing", "tracing"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute", "attribute"),
        ("OTEL_SERVICE_NAME", "otel", "otel"),
    ] {
        pairs.push((name, value));
        assert_eq!(with(&pairs, file.clone()).service_name, expected);
    }
}

#[test]
fn service_name_defaults_to_unknown_service() {
    let settings = Settings::resolve(&CodeSettings::default(), &Environment::empty()).unwrap();
    assert_eq!(settings.service_name, "unknown-service");
}

#[test]
fn otel_resource_attributes_are_decoded_or_wholly_ignored() {
    let settings = resolve(&[("OTEL_RESOURCE_ATTRIBUTES", "a=1%2C2 , b = x")]);
    assert_eq!(resource(&settings, "a").as_deref(), Some("1,2"));
    assert_eq!(resource(&settings, "b").as_deref(), Some("x"));
    let settings = resolve(&[("OTEL_RESOURCE_ATTRIBUTES", "a=1,nonsense")]);
    assert_eq!((resource(&settings, "a"), settings.warnings.len()), (None, 1));
}

#[test]
fn otel_traces_sampler_and_arg() {
    let quarter = Sampler::ratio(0.25);
    for (name, expected) in [
        ("always_on", Sampler::AlwaysOn),
        ("always_off", Sampler::AlwaysOff),
        ("traceidratio", quarter.clone()),
        ("parentbased_always_on", Sampler::parent_based(Sampler::AlwaysOn)),
        ("parentbased_always_off", Sampler::parent_based(Sampler::AlwaysOff)),
        ("parentbased_traceidratio", Sampler::parent_based(quarter)),
    ] {
        let pairs = [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", "0.25")];
        assert_eq!(resolve(&pairs).sampler, expected, "{name}");
    }
    let settings = resolve(&[("OTEL_TRACES_SAMPLER", "jaeger_remote")]);
    assert_eq!(settings.sampler, Sampler::parent_based(Sampler::AlwaysOn));
    assert_eq!(settings.warnings.len(), 1);
}

#[test]
fn sampling_rate_precedence() {
    let file = TracingConfig { sampling_rate: Some(0.1), ..TracingConfig::default() };
    let rate = |rate| Sampler::parent_based(Sampler::ratio(rate));
    assert_eq!(with(&[], file.clone()).sampler, rate(0.1));
    assert_eq!(with(&[("TRACING_SAMPLING_RATE", "0.5")], file.clone()).sampler, rate(0.5));
    let pairs = [("TRACING_SAMPLING_RATE", "0.5"), ("OTEL_TRACES_SAMPLER", "always_off")];
    assert_eq!(with(&pairs, file).sampler, Sampler::AlwaysOff);
    assert_eq!(resolve(&[("TRACING_SAMPLING_RATE", "7")]).warnings.len(), 1);
}

#[test]
fn a_wrong_rate_in_the_file_is_an_error() {
    let config = TracingConfig { sampling_rate: Some(1.5), ..TracingConfig::default() };
    let code = CodeSettings { config, ..CodeSettings::default() };
    let fault = Settings::resolve(&code, &Environment::empty()).unwrap_err();
    assert_eq!(fault.to_string(), "tracing.sampling_rate: 1.5 is not within 0.0 to 1.0");
}

#[test]
fn the_file_section_reads_from_yaml_and_refuses_unknown_keys() {
    let text = "{enabled: false, service_name: a, collector_url: 'http://c:4318', sampling_rate: 0.5}";
    let config: TracingConfig = serde_yaml_ng::from_str(text).unwrap();
    assert_eq!((config.enabled, config.sampling_rate), (false, Some(0.5)));
    assert!(serde_yaml_ng::from_str::<TracingConfig>("{enable: false}").is_err());
}

#[test]
fn otel_propagators() {
    use Propagator::{B3, B3Multi, Baggage, Jaeger, TraceContext};
    let list = |value| resolve(&[("OTEL_PROPAGATORS", value)]).propagators;
    assert_eq!(
        list("b3,b3multi, jaeger ,baggage,tracecontext,b3"),
        [B3, B3Multi, Jaeger, Baggage, TraceContext]
    );
    assert_eq!(list("none"), []);
    assert_eq!(resolve(&[("OTEL_PROPAGATORS", "xray")]).warnings.len(), 1);
}

#[test]
fn otel_signal_exporters() {
    for (value, expected, warned) in [
        ("otlp", ExporterKind::Otlp, 0),
        ("console", ExporterKind::Console, 0),
        ("none", ExporterKind::None, 0),
        ("zipkin", ExporterKind::Otlp, 1),
    ] {
        for name in ["OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER", "OTEL_METRICS_EXPORTER"] {
            let settings = resolve(&[(name, value)]);
            let kind = match name {
                "OTEL_TRACES_EXPORTER" => settings.traces.exporter,
                "OTEL_LOGS_EXPORTER" => settings.logs.exporter,
                _ => settings.metrics.exporter,
            };
            assert_eq!((kind, settings.warnings.len()), (expected, warned), "{name}={value}");
        }
    }
}

#[test]
fn otel_exporter_otlp_endpoint_protocol_and_insecure() {
    let url = |pairs: &[(&str, &str)]| resolve(pairs).logs.otlp.url.to_string();
    let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    assert_eq!(url(&[(endpoint, "http://c:9")]), "http://c:9/v1/logs");
    assert_eq!(url(&[(endpoint, "https://c/base/")]), "https://c/base/v1/logs");
    assert_eq!(url(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://c:9/in")]), "http://c:9/in");
    let service = "opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    assert_eq!(url(&[grpc]), format!("http://localhost:4317/{service}"));
    assert_eq!(url(&[(endpoint, "c:9"), grpc]), format!("https://c:9/{service}"));
    let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true");
    assert_eq!(url(&[(endpoint, "c:9"), grpc, insecure]), format!("http://c:9/{service}"));
    assert_eq!(url(&[(endpoint, "http://c:4317")]), format!("http://c:4317/{service}"));
    assert_eq!(url(&[("TRACING_COLLECTOR_URL", "c:4318")]), "http://c:4318/v1/logs");
    let bad = resolve(&[(endpoint, "ftp://c")]);
    assert_eq!(
        (bad.logs.otlp.url.to_string().as_str(), bad.warnings.len()),
        ("http://localhost:4318/v1/logs", 1)
    );
    let one = [("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json")];
    assert_eq!(resolve(&one).logs.otlp.protocol, Protocol::HttpJson);
    assert_eq!(resolve(&one).traces.otlp.protocol, Protocol::HttpProtobuf);
}

#[test]
fn a_wrong_address_in_the_file_is_an_error() {
    let config = TracingConfig { collector_url: Some("ftp://c".into()), ..TracingConfig::default() };
    let code = CodeSettings { config, ..CodeSettings::default() };
    assert!(Settings::resolve(&code, &Environment::empty()).is_err());
}

#[test]
fn otel_exporter_otlp_headers_compression_and_timeout() {
    let settings = resolve(&[
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=x%20y,broken"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=2"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "20"),
    ]);
    assert_eq!(
        (&settings.traces.otlp.headers["a"], &settings.logs.otlp.headers["a"]),
        (&"2".parse().unwrap(), &"1".parse().unwrap())
    );
    assert_eq!(settings.traces.otlp.headers["b"], "x y");
    assert_eq!(settings.traces.otlp.compression, Compression::Gzip);
    assert_eq!(settings.metrics.otlp.compression, Compression::Zstd);
    assert_eq!(settings.traces.otlp.timeout, Duration::from_millis(1500));
    assert_eq!(settings.logs.otlp.timeout, Duration::from_millis(20));
    assert_eq!(settings.warnings, ["OTEL_EXPORTER_OTLP_HEADERS: a member is not name=value"]);
}

#[test]
fn otel_exporter_otlp_certificates() {
    let settings = resolve(&[
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert.pem"),
        ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "/logs.pem"),
    ]);
    assert_eq!(settings.traces.otlp.tls.certificate.as_deref(), Some("/ca.pem".as_ref()));
    assert_eq!(settings.traces.otlp.tls.client_key.as_deref(), Some("/key.pem".as_ref()));
    assert_eq!(settings.traces.otlp.tls.client_certificate.as_deref(), Some("/cert.pem".as_ref()));
    assert_eq!(settings.logs.otlp.tls.certificate.as_deref(), Some("/logs.pem".as_ref()));
}

#[test]
fn otel_bsp_and_blrp() {
    for (prefix, traces) in [("OTEL_BSP", true), ("OTEL_BLRP", false)] {
        let names = ["SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE"];
        let names = names.map(|n| format!("{prefix}_{n}"));
        let settings = resolve(&[(&names[0], "1"), (&names[1], "2"), (&names[2], "30"), (&names[3], "40")]);
        let batch = if traces { settings.traces.batch } else { settings.logs.batch };
        assert_eq!((batch.delay, batch.export_timeout), (Duration::from_millis(1), Duration::from_millis(2)));
        assert_eq!((batch.queue.items, batch.queue.batch), (30, 30), "a batch never exceeds the queue");
    }
}

#[test]
fn otel_attribute_limits_and_their_precedence() {
    let general = [("OTEL_ATTRIBUTE_COUNT_LIMIT", "9"), ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "8")];
    let settings = resolve(&general);
    let fields = FieldLimits { count: 9, value_length: 8 };
    assert_eq!((settings.span_limits.fields, settings.log_limits), (fields, fields));
    let settings = resolve(&[
        general[0],
        general[1],
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "3"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "4"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "5"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "6"),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "7"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "70"),
    ]);
    let limits = settings.span_limits;
    assert_eq!((limits.fields.count, limits.fields.value_length, limits.events, limits.links), (1, 2, 3, 4));
    assert_eq!((limits.event_fields.count, limits.link_fields.count), (5, 6));
    assert_eq!(limits.links_in_all, 4, "what is said holds for links of all kinds");
    assert_eq!((settings.log_limits.count, settings.log_limits.value_length), (7, 70));
}

#[test]
fn otel_metric_export_interval_and_timeout() {
    let settings = resolve(&[("OTEL_METRIC_EXPORT_INTERVAL", "5"), ("OTEL_METRIC_EXPORT_TIMEOUT", "6")]);
    assert_eq!(settings.metrics.interval, Duration::from_millis(5));
    assert_eq!(settings.metrics.batch.export_timeout, Duration::from_millis(6));
}

#[test]
fn otel_metrics_exemplar_filter() {
    for (value, expected) in [
        ("always_on", ExemplarFilter::AlwaysOn),
        ("always_off", ExemplarFilter::AlwaysOff),
        ("trace_based", ExemplarFilter::TraceBased),
    ] {
        assert_eq!(resolve(&[("OTEL_METRICS_EXEMPLAR_FILTER", value)]).metrics.exemplars, expected);
    }
}

#[test]
fn otel_log_level_governs_own_messages() {
    for (value, expected) in [
        ("none", LevelFilter::OFF),
        ("error", LevelFilter::ERROR),
        ("WARN", LevelFilter::WARN),
        ("debug", LevelFilter::DEBUG),
        ("verbose", LevelFilter::TRACE),
    ] {
        assert_eq!(resolve(&[("OTEL_LOG_LEVEL", value)]).diagnostics, expected, "{value}");
    }
}

#[test]
fn bad_and_empty_values_count_as_unset() {
    let settings = resolve(&[
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_TRACES_SAMPLER", " "),
        ("RUST_LOG", "=!="),
        ("OTEL_CONFIG_FILE", "x.yaml"),
    ]);
    assert_eq!(settings.traces.batch.delay, Duration::from_secs(5));
    assert_eq!(settings.traces.batch.queue.items, 131_072);
    assert_eq!(settings.warnings.len(), 4, "{:?}", settings.warnings);
}
