//! Redis: a CLIENT span for each command, its duration measured.
//!
//! [`TracedConnection`] wraps any connection of the [`redis`] crate, and is one: every
//! method of `AsyncCommands`, `Cmd::query_async`, pipelines, transactions, scripts and scans work
//! on it.
//!
//! ```no_run
//! use redis::AsyncCommands;
//! use throughline_toolkit::redis::TracedConnection;
//! # async fn f() -> redis::RedisResult<()> {
//! let client = redis::Client::open("redis://127.0.0.1/")?;
//! let connection = client.get_connection_manager().await?;
//! let mut redis = TracedConnection::new(connection).server(client.get_connection_info());
//! let _: () = redis.set_ex("greeting", "hello", 60).await?;
//! let seen: Option<String> = redis.get("greeting").await?;
//! # Ok(()) }
//! ```
//!
//! # What a span says
//!
//! Semantic conventions 1.44 for Redis. The span is named for the command: `SET`. A pipeline and a
//! transaction are one span each, named `PIPELINE` and `MULTI`, or `PIPELINE SET` when all their
//! commands are the same; with a single command they are that command. The server is not part of
//! the name: all spans of a connection would share it.
//!
//! - `db.query.text` is the command with `?` for each argument, `SET ? ?`: no key and no value
//!   leaves the process, for keys often hold names of persons and sessions.
//! - `db.namespace` is the database that the connection was opened with; a later `SELECT` does not
//!   change it.
//! - `db.stored_procedure.name` is the digest or the name of a script (`EVALSHA`, `FCALL`).
//! - `db.response.status_code` is the prefix of Redis' error, such as `WRONGTYPE`. `error.type` is
//!   the same, or, when Redis did not answer, one of `timeout`, `connection_refused`,
//!   `connection_dropped` and the names of [`ErrorKind`](redis::ErrorKind). In a batch the first
//!   error counts.
//!
//! `db.client.operation.duration` is measured by command, database and server.

mod command;
mod failure;

use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, ConnectionAddr, ConnectionInfo, Pipeline, RedisFuture, RedisResult, Value};
use tracing::{Instrument, Span};

use crate::core::Core;
use crate::db::System;
use crate::db::call::{Call, Operation, Target};
use crate::fields::{Key, Stored};
use crate::layer::TelemetryLayer;
use command::{Batch, Command};

/// A Redis connection whose commands are traced.
///
/// As cheap to clone as the connection inside.
#[derive(Debug, Clone)]
pub struct TracedConnection<C> {
    inner: C,
    place: Arc<Place>,
}

/// Where the commands of a connection go.
#[derive(Debug, Clone, Default)]
struct Place {
    /// The number of the database.
    namespace: String,
    server: Option<(String, Option<u16>)>,
}

impl<C: ConnectionLike> TracedConnection<C> {
    /// Traces the commands of `connection`: a `MultiplexedConnection`, a `ConnectionManager`, a
    /// `ClusterConnection` or one of your own.
    #[must_use]
    pub fn new(connection: C) -> Self {
        let namespace = connection.get_db().to_string();
        Self { inner: connection, place: Arc::new(Place { namespace, server: None }) }
    }
}

impl<C> TracedConnection<C> {
    /// The server that the connection leads to, for `server.address` and `server.port`. The nodes
    /// of a cluster have no single address: leave it out.
    #[must_use]
    pub fn server(mut self, info: &ConnectionInfo) -> Self {
        let server = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some((host.clone(), Some(*port)))
            }
            ConnectionAddr::Unix(path) => Some((path.display().to_string(), None)),
            _ => None,
        };
        self.place = Arc::new(Place { server, ..Place::clone(&self.place) });
        self
    }

    /// The connection underneath, for what is no command: subscriptions, credentials.
    pub fn inner_mut(&mut self) -> &mut C {
        &mut self.inner
    }

    /// The connection underneath, no longer traced.
    #[must_use]
    pub fn into_inner(self) -> C {
        self.inner
    }
}

impl Place {
    fn operation<'a>(&'a self, name: &'a str, procedure: Option<&'a str>) -> Operation<'a> {
        Operation {
            system: System::Redis,
            name: Some(name),
            summary: None,
            target: procedure.map(Target::Procedure),
            namespace: Some(&self.namespace),
            server: self.server.as_ref().map(|(address, port)| (address.as_str(), *port)),
        }
    }

    async fn run(
        &self,
        core: Arc<Core>,
        cmd: &Cmd,
        sent: impl Future<Output = RedisResult<Value>>,
    ) -> RedisResult<Value> {
        let command = Command::of(cmd);
        let span = command_span();
        let operation = self.operation(command.name(), command.procedure());
        let call = Call::begin(core, span.clone(), operation, |fields, limits| {
            let text = fields.store_args(format_args!("{command}"), limits);
            fields.set(Key::Static("db.query.text"), text, limits);
        });
        let outcome = sent.instrument(span).await;
        failure::conclude(call, outcome.as_ref().map(std::slice::from_ref));
        outcome
    }

    async fn run_batch(
        &self,
        core: Arc<Core>,
        pipeline: &Pipeline,
        sent: impl Future<Output = RedisResult<Vec<Value>>>,
    ) -> RedisResult<Vec<Value>> {
        let batch = Batch::of(pipeline);
        let name = batch.name();
        let span = command_span();
        let operation = self.operation(&name, batch.procedure());
        let call = Call::begin(core, span.clone(), operation, |fields, limits| {
            let text = fields.store_args(format_args!("{batch}"), limits);
            fields.set(Key::Static("db.query.text"), text, limits);
            if let Some(size) = batch.size() {
                fields.set(Key::Static("db.operation.batch.size"), Stored::Int(size), limits);
            }
        });
        let outcome = sent.instrument(span).await;
        failure::conclude(call, outcome.as_ref().map(|answers| failure::answers_of(pipeline, answers)));
        outcome
    }
}

fn command_span() -> Span {
    tracing::info_span!("Redis command")
}

impl<C: ConnectionLike> ConnectionLike for TracedConnection<C> {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        let sent = self.inner.req_packed_command(cmd);
        match TelemetryLayer::current() {
            Some(core) => Box::pin(self.place.run(core, cmd, sent)),
            None => sent,
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let sent = self.inner.req_packed_commands(pipeline, offset, count);
        match TelemetryLayer::current() {
            Some(core) => Box::pin(self.place.run_batch(core, pipeline, sent)),
            None => sent,
        }
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}
