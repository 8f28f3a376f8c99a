use super::*;

fn parse_here(text: &str) -> Result<Config, ConfigError> {
    parse(text, "test.yaml", &|name| (name == "PORT").then(|| "9999".to_owned()))
}

fn refusal(text: &str) -> String {
    parse_here(text).unwrap_err().to_string()
}

const FOUNDING: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 0.0.0.0:4317}
      http:
        endpoint: 0.0.0.0:4318
        cors: {allowed_origins: ['*']}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 512, spike_limit_mib: 256}
  resource:
    attributes:
      - {key: deployment.environment, value: dev, action: upsert}
  batch: {timeout: 5s, send_batch_size: 1024}
exporters:
  store:
  otlphttp/next: {endpoint: 'http://127.0.0.1:14318'}
  debug: {verbosity: basic}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, resource, batch], exporters: [store, otlphttp/next]}
    metrics: {receivers: [otlp], processors: [memory_limiter, resource, batch], exporters: [store]}
    logs: {receivers: [otlp], processors: [memory_limiter, resource, batch], exporters: [store, debug]}
";

#[test]
fn the_founding_pipelines_load_unchanged() {
    let config = parse_here(FOUNDING).unwrap();
    assert_eq!(config.pipelines.len(), 3);
    assert_eq!(config.pipelines["traces"].processors.len(), 3);
    assert!(matches!(config.exporters[&ComponentId::parse("otlphttp/next")], Exporter::OtlpHttp(_)));
}

#[test]
fn the_built_in_configuration_loads() {
    assert_eq!(parse_here(DEFAULT).unwrap().pipelines.len(), 3);
}

#[test]
fn what_is_printed_reads_back_the_same() {
    let config = parse_here(FOUNDING).unwrap();
    let printed = print(&config);
    let again = parse_here(&printed).unwrap();
    assert_eq!(print(&again), printed);
}

#[test]
fn an_unknown_key_is_refused_with_position_and_suggestion() {
    let text = DEFAULT.replace("        endpoint: 127.0.0.1:4317", "        endpont: 127.0.0.1:4317");
    let line = text.lines().position(|line| line.contains("endpont")).unwrap() + 1;
    assert_eq!(
        refusal(&text),
        format!("test.yaml:{line}:9: unknown key \"endpont\", did you mean \"endpoint\"?")
    );
}

#[test]
fn unknown_components_are_refused_and_lacking_ones_named_as_such() {
    let unknown = refusal("receivers:\n  otpl:\n");
    assert_eq!(unknown, "test.yaml:2:3: unknown receiver \"otpl\", did you mean \"otlp\"?");
    let lacking = refusal("processors:\n  tail_sampling: {decision_wait: 10s}\n");
    assert!(
        lacking.starts_with(
            "test.yaml:2:3: processor \"tail_sampling\" is an OpenTelemetry Collector component"
        ),
        "{lacking}"
    );
    let undefined = refusal(&DEFAULT.replace("exporters: [store]", "exporters: [sotre]"));
    assert!(undefined.contains("unknown exporter \"sotre\", did you mean \"store\"?"), "{undefined}");
    let section = refusal("recievers: {}\n");
    assert_eq!(section, "test.yaml:1:1: unknown section \"recievers\", did you mean \"receivers\"?");
}

#[test]
fn wrong_values_are_refused_with_their_position() {
    let error = refusal(&DEFAULT.replace("limit_mib: 1024", "limit_mib: lots"));
    assert!(error.contains(":17:") && error.contains("lots"), "{error}");
    let broken = refusal("receivers: [");
    assert!(broken.starts_with("test.yaml:") && broken.contains("not YAML"), "{broken}");
    assert!(refusal("a: 1\na: 2").contains("given twice"));
}

#[test]
fn environment_is_put_in() {
    let text = DEFAULT
        .replace("127.0.0.1:4317", "127.0.0.1:${env:PORT}")
        .replace("limit_mib: 1024", "limit_mib: ${env:NONE:-700}");
    let printed = print(&parse_here(&text).unwrap());
    assert!(printed.contains("endpoint: 127.0.0.1:9999"), "{printed}");
    assert!(printed.contains("limit_mib: 700"), "{printed}");
}

#[test]
fn a_pipeline_without_exporters_is_refused() {
    assert!(
        refusal("receivers: {otlp: }\nservice: {pipelines: {traces: {receivers: [otlp]}}}")
            .contains("at least one exporter")
    );
}
