//! Where PostgreSQL, Redis and Kafka are.

use throughline_services::{Instance, Kind, running};

/// Addresses of the servers that a system runs on.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    pub(crate) postgres: String,
    pub(crate) redis: String,
    pub(crate) kafka: String,
}

impl Servers {
    /// Those that `cargo xtask services` runs.
    pub(crate) fn shared() -> Self {
        let running = running().unwrap();
        Self { postgres: running.postgres, redis: running.redis, kafka: running.kafka }
    }
}

/// Servers of a test's own.
#[derive(Debug)]
pub(crate) struct Private {
    instances: [Option<Instance>; 3],
}

impl Private {
    pub(crate) async fn start() -> Self {
        let start = |kind| tokio::task::spawn_blocking(move || Instance::start(kind).unwrap());
        let (postgres, redis, kafka) =
            tokio::join!(start(Kind::Postgres), start(Kind::Redis), start(Kind::Kafka));
        Self { instances: [Some(postgres.unwrap()), Some(redis.unwrap()), Some(kafka.unwrap())] }
    }

    pub(crate) fn addresses(&self) -> Servers {
        let [postgres, redis, kafka] = self.instances.each_ref().map(|i| i.as_ref().unwrap().address());
        Servers { postgres, redis, kafka }
    }

    /// Does something to one of them that takes a while.
    pub(crate) async fn with(&mut self, kind: Kind, f: impl FnOnce(&mut Instance) + Send + 'static) {
        let place = match kind {
            Kind::Postgres => &mut self.instances[0],
            Kind::Redis => &mut self.instances[1],
            _ => &mut self.instances[2],
        };
        let mut instance = place.take().unwrap();
        let instance = tokio::task::spawn_blocking(move || {
            f(&mut instance);
            instance
        });
        *place = Some(instance.await.unwrap());
    }
}
