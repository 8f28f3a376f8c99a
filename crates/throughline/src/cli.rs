//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Observability for services in one process: takes OTLP, keeps it, answers Tempo and Jaeger
/// clients, shows it in a browser.
#[derive(Debug, Parser)]
#[command(
    name = "throughline",
    version,
    after_help = "Start with `throughline demo`, or `throughline serve` and point an OpenTelemetry SDK at it:\n  \
                  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 your-service\nthen open http://localhost:3001."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the platform: receivers, store, query APIs and web UI.
    #[command(
        after_help = "Without --config it listens for OTLP on 127.0.0.1:4317 (gRPC) and 127.0.0.1:4318 (HTTP).\n\
                            `throughline config print` shows that configuration, to start your own from."
    )]
    Serve(ServeArgs),
    /// Run the platform with the gateway reference system and traffic through it.
    Demo(DemoArgs),
    /// Show a trace as a waterfall.
    #[command(after_help = "Example:\n  throughline trace 4bf92f3577b34da6a3ce929d0e0e4736")]
    Trace {
        /// The trace's id, up to 32 hexadecimal digits.
        id: String,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Find traces with a TraceQL query.
    #[command(after_help = "Examples:\n  throughline search '{ status = error }'\n  \
                            throughline search '{ resource.service.name = \"api-gateway\" && duration > 100ms }' --since 15m")]
    Search {
        /// TraceQL; every trace when left out.
        #[arg(default_value = "{}")]
        query: String,
        /// How far back, as 15m, 2h or 7d.
        #[arg(long, default_value = "1h")]
        since: String,
        /// Most traces to list.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Check or print a configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// One service of the demonstration; `demo` starts these.
    #[command(hide = true)]
    #[command(subcommand)]
    DemoService(DemoService),
}

/// One service of a reference system.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum DemoService {
    /// Of the gateway system.
    Gateway {
        /// Which service.
        service: gateway::Service,
    },
    /// Of the ledger system.
    Ledger {
        /// Which service.
        service: ledger::Service,
    },
}

/// What the demonstration runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DemoSystem {
    /// HTTP between three services, SQLite behind them. Needs nothing else.
    Gateway,
    /// Double entry in four services on PostgreSQL, Redis and Kafka.
    Ledger,
    /// Both.
    All,
}

/// Options of `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// An OpenTelemetry Collector configuration with throughline's sections; none: the built-in one.
    #[arg(long, env = "THROUGHLINE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where the data is kept; goes before the configuration's `storage.data_dir`.
    #[arg(long, env = "THROUGHLINE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Do not listen where Tempo's and Jaeger's clients expect them (3200, 16686).
    #[arg(long)]
    pub no_compat_ports: bool,
    /// Print one JSON line on standard output when ready, with every address.
    #[arg(long)]
    pub json: bool,
}

/// Options of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Which reference system; none named: the gateway, and the ledger when its servers answer.
    #[arg(long)]
    pub system: Option<DemoSystem>,
    #[command(flatten)]
    pub servers: ServerArgs,
    /// Requests a second through each system.
    #[arg(long, default_value_t = 5.0)]
    pub rate: f64,
    /// Let the operating system choose the services' ports.
    #[arg(long)]
    pub any_port: bool,
}

/// Where the ledger system's servers are.
#[derive(Debug, Clone, Default, Args)]
pub struct ServerArgs {
    /// A file with their addresses, as `cargo xtask services` writes it; none: that of this
    /// checkout, else the usual ports.
    #[arg(long, env = "THROUGHLINE_SERVICES", value_name = "FILE")]
    pub services: Option<PathBuf>,
    /// PostgreSQL, as postgres://user@host:port/postgres.
    #[arg(long, env = "THROUGHLINE_DEMO_POSTGRES", value_name = "URL")]
    pub postgres_url: Option<String>,
    /// Redis, as redis://host:port.
    #[arg(long, env = "THROUGHLINE_DEMO_REDIS", value_name = "URL")]
    pub redis_url: Option<String>,
    /// Kafka, as host:port.
    #[arg(long, env = "THROUGHLINE_DEMO_KAFKA", value_name = "ADDRESS")]
    pub kafka: Option<String>,
}

/// Where a command finds the running server.
#[derive(Debug, Clone, Args)]
pub struct ClientArgs {
    /// The running server.
    #[arg(long, env = "THROUGHLINE_SERVER", default_value = "http://127.0.0.1:3001")]
    pub server: String,
    /// Whose data.
    #[arg(long, env = "THROUGHLINE_TENANT", default_value = "anonymous")]
    pub tenant: String,
    /// Print JSON instead of a picture.
    #[arg(long)]
    pub json: bool,
}

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say whether a configuration can be used; exit code 1 and the fault's place if not.
    Check {
        /// The file; none: the built-in configuration.
        file: Option<PathBuf>,
    },
    /// Print a configuration as it will be used, references expanded.
    Print {
        /// The file; none: the built-in configuration.
        file: Option<PathBuf>,
    },
}
