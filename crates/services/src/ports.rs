//! Ports that nobody has.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};

/// Where ports are looked for: below those that the system gives to outgoing connections, so that
/// none of these takes the port of a server that is down for a moment.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// The ports of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    /// Clients connect to this.
    pub(crate) client: u16,
    /// Kafka's controller listens here; the others leave it alone.
    pub(crate) controller: u16,
}

impl Ports {
    /// Two neighbouring ports that could be bound just now. Another may still take them before the
    /// server does: then the server ends, and others are tried.
    pub(crate) fn find() -> anyhow::Result<Self> {
        for attempt in 0..200_u32 {
            let random = RandomState::new().hash_one(attempt) % u64::from(COUNT / 2);
            let client = FIRST + 2 * u16::try_from(random)?;
            let ports = Self { client, controller: client + 1 };
            if ports.are_free() {
                return Ok(ports);
            }
        }
        bail!("no free port between {FIRST} and {}", FIRST + COUNT)
    }

    /// Whether both can be bound.
    pub(crate) fn are_free(self) -> bool {
        [self.client, self.controller]
            .into_iter()
            .all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    /// Waits until both can be bound, as when their last owner is just ending.
    pub(crate) fn wait_until_free(self, limit: Duration) -> anyhow::Result<()> {
        let started = Instant::now();
        while !self.are_free() {
            ensure!(started.elapsed() < limit, "port {} is taken by another program", self.client);
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
