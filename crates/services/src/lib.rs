//! Real servers for tests, on loopback: NATS, PostgreSQL, Redis, Apache Kafka.
//!
//! For development alone. Two ways to have one:
//!
//! - [`running`] gives the addresses of the servers that `cargo xtask services` started. They are
//!   shared: a test names its subjects, topics, keys and databases for itself ([`Addresses::database`])
//!   and never stops them.
//! - [`Instance`] is a server of the test's own, that may be killed, paused and restarted.
//!
//! A server is ready when it answers its own protocol and shows by it that it is the one that was
//! started, not another on the same port. Everything is synchronous; asynchronous tests start an
//! instance on a blocking thread. Processes are told apart by `/proc`, so this runs on Linux alone.
//!
//! ```no_run
//! use throughline_services::{Instance, Kind, running};
//!
//! let servers = running()?; // or fails with "… run `cargo xtask services`"
//! let url = servers.database("outbox_relay");
//!
//! let mut nats = Instance::start(Kind::Nats)?;
//! nats.kill()?; // SIGKILL, as power loss does to a process
//! nats.restart()?; // the same port and data
//! # Ok::<(), anyhow::Error>(())
//! ```

mod addresses;
mod daemon;
mod folders;
mod install;
mod instance;
mod kafka;
mod kind;
mod launch;
mod nats;
mod ports;
mod postgres;
mod process;
mod redis;
mod site;

pub use addresses::{Addresses, Missing, address, running};
pub use daemon::{Daemon, Found, Running, publish};
pub use install::{Installed, install, installed};
pub use instance::Instance;
pub use kind::Kind;
