//! Configuration: a YAML file, then environment variables over it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use throughline_toolkit::TracingConfig;

/// Which of the three services a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Service {
    /// Proxies clients' requests.
    ApiGateway,
    /// Keeps users.
    UserService,
    /// Keeps credentials, issues tokens.
    AuthService,
}

impl Service {
    /// All three, dependencies first.
    pub const ALL: [Self; 3] = [Self::AuthService, Self::UserService, Self::ApiGateway];

    /// The name on the command line and in `service.name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiGateway => "api-gateway",
            Self::UserService => "user-service",
            Self::AuthService => "auth-service",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::ApiGateway => 8080,
            Self::UserService => 8081,
            Self::AuthService => 8082,
        }
    }
}

/// Everything a service can be told.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on; empty: loopback and the service's own port.
    pub listen: String,
    /// Where the user-service is.
    pub user_service_url: String,
    /// Where the auth-service is.
    pub auth_service_url: String,
    /// `sqlite:PATH`, `sqlite::memory:` or `postgres://…`.
    pub database_url: String,
    /// Key that signs access tokens; empty: a random one, so that tokens end with the process.
    pub jwt_secret: String,
    /// Life of an access token in seconds.
    pub access_token_seconds: u64,
    /// Life of a refresh token in seconds.
    pub refresh_token_seconds: u64,
    /// Longest time to wait for another service, milliseconds.
    pub upstream_timeout_ms: u64,
    /// Where welcome mail is sent; empty: nowhere.
    pub mail_url: String,
    /// Trouble made on purpose.
    pub faults: FaultConfig,
    /// Instrumentation; `OTEL_*` and `TRACING_*` variables go before it.
    pub tracing: TracingConfig,
}

/// Trouble made on purpose, for demonstrations and tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultConfig {
    /// Share of requests that wait for a slow dependency, 0 to 1.
    pub slow_share: f64,
    /// How slow it is, milliseconds.
    pub slow_ms: u64,
    /// Share of requests that a dependency fails.
    pub fail_share: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: String::new(),
            user_service_url: "http://127.0.0.1:8081".to_owned(),
            auth_service_url: "http://127.0.0.1:8082".to_owned(),
            database_url: "sqlite::memory:".to_owned(),
            jwt_secret: String::new(),
            access_token_seconds: 900,
            refresh_token_seconds: 7 * 24 * 3600,
            upstream_timeout_ms: 2000,
            mail_url: String::new(),
            faults: FaultConfig::default(),
            tracing: TracingConfig::default(),
        }
    }
}

impl Config {
    /// Reads the file, if one is given, and puts environment variables over it: `LISTEN`,
    /// `USER_SERVICE_URL`, `AUTH_SERVICE_URL`, `DATABASE_URL`, `JWT_SECRET`, `MAIL_URL`,
    /// `UPSTREAM_TIMEOUT_MS`, `FAULT_SLOW_SHARE`, `FAULT_SLOW_MS`, `FAULT_FAIL_SHARE`.
    ///
    /// # Errors
    /// A file that cannot be read or has unknown keys, a variable that is no number.
    pub fn load(path: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut config: Self = match path {
            None => Self::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{}: cannot be read", path.display()))?;
                serde_yaml_ng::from_str(&text).with_context(|| path.display().to_string())?
            }
        };
        for (name, place) in [
            ("LISTEN", &mut config.listen),
            ("USER_SERVICE_URL", &mut config.user_service_url),
            ("AUTH_SERVICE_URL", &mut config.auth_service_url),
            ("DATABASE_URL", &mut config.database_url),
            ("JWT_SECRET", &mut config.jwt_secret),
            ("MAIL_URL", &mut config.mail_url),
        ] {
            if let Some(value) = environment(name) {
                *place = value;
            }
        }
        number(&environment, "UPSTREAM_TIMEOUT_MS", &mut config.upstream_timeout_ms)?;
        number(&environment, "FAULT_SLOW_SHARE", &mut config.faults.slow_share)?;
        number(&environment, "FAULT_SLOW_MS", &mut config.faults.slow_ms)?;
        number(&environment, "FAULT_FAIL_SHARE", &mut config.faults.fail_share)?;
        Ok(config)
    }

    /// The address that a service listens on.
    #[must_use]
    pub fn listen_address(&self, service: Service) -> String {
        if self.listen.is_empty() {
            format!("127.0.0.1:{}", service.default_port())
        } else {
            self.listen.clone()
        }
    }

    /// Longest time to wait for another service.
    #[must_use]
    pub fn upstream_timeout(&self) -> Duration {
        Duration::from_millis(self.upstream_timeout_ms)
    }
}

fn number<T: std::str::FromStr>(
    environment: &impl Fn(&str) -> Option<String>,
    name: &str,
    place: &mut T,
) -> anyhow::Result<()> {
    if let Some(text) = environment(name) {
        let parsed = text.parse().ok();
        *place = parsed.with_context(|| format!("{name}={text:?} is not a number"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_goes_before_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            &file,
            "jwt_secret: a\nupstream_timeout_ms: 5\ntracing: {enabled: false, sampling_rate: 0.1}\n",
        )
        .unwrap();
        let environment = |name: &str| (name == "JWT_SECRET").then(|| "b".to_owned());
        let config = Config::load(Some(file.path()), environment).unwrap();
        assert_eq!((config.jwt_secret.as_str(), config.upstream_timeout_ms), ("b", 5));
        assert_eq!((config.tracing.enabled, config.tracing.sampling_rate), (false, Some(0.1)));
    }

    #[test]
    fn unknown_keys_and_bad_numbers_are_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "jwt_sekret: a\n").unwrap();
        let error = format!("{:#}", Config::load(Some(file.path()), |_| None).unwrap_err());
        assert!(error.contains("jwt_sekret"), "{error}");
        let bad = |name: &str| (name == "FAULT_SLOW_MS").then(|| "soon".to_owned());
        let error = Config::load(None, bad).unwrap_err().to_string();
        assert_eq!(error, "FAULT_SLOW_MS=\"soon\" is not a number");
    }
}
