//! What Redis knows of orders: answers that were given, and orders under way.
//!
//! An order under way is a marker with a life of its own, so that an orchestrator that dies leaves
//! nothing behind. Whoever sends the same order meanwhile waits a little for the answer, then asks
//! the ledger: the marker saves work and guards nothing.

use std::time::{Duration, Instant};

use redis::cmd;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::cache::Cache;
use crate::answer::Answer;
use crate::config::Config;
use crate::order::Order;

/// First pause between two looks at an order under way; it grows.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Replaces the marker by the answer, unless someone else's is there.
const KEEP: &str = "local kept = redis.call('GET', KEYS[1])
if not kept or kept == ARGV[1] then return redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end";

/// Removes the marker, unless it is someone else's.
const RELEASE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end";

/// What stands under an order's key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    UnderWay { fingerprint: String, token: Uuid },
    Answered { fingerprint: String, status: u16, body: String },
}

/// What is known of an order.
#[derive(Debug)]
pub(super) enum Found {
    Answer(Answer),
    /// Another order was answered under this key.
    OtherOrder,
    /// Ask the ledger.
    Nothing(Claim),
}

/// The right to say what became of an order: a marker that is in Redis or, when Redis is away or
/// another holds the order, nowhere.
#[derive(Debug)]
pub(super) struct Claim(String);

#[derive(Debug)]
pub(super) struct Answers {
    cache: Cache,
    answer_ttl_seconds: u64,
    in_flight_ttl_ms: u64,
    wait: Duration,
}

impl Answers {
    pub(super) fn new(config: &Config, cache: Cache) -> Self {
        Self {
            cache,
            answer_ttl_seconds: config.answer_ttl_seconds.max(1),
            in_flight_ttl_ms: config.in_flight_ttl_ms.max(1),
            wait: Duration::from_millis(config.in_flight_wait_ms),
        }
    }

    /// The answer to the order, if it was given; waits for it a little when the order is under
    /// way.
    pub(super) async fn find(&self, order: &Order) -> Found {
        let fingerprint = order.fingerprint();
        let marker = Record::UnderWay { fingerprint: fingerprint.clone(), token: Uuid::new_v4() };
        let Ok(marker) = serde_json::to_string(&marker) else { return Found::Nothing(Claim(String::new())) };
        let until = Instant::now() + self.wait;
        let mut pause = LOOK_AGAIN;
        loop {
            let standing = self.stand(order, &marker).await;
            match standing.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
                Some(Record::Answered { fingerprint: other, .. }) if other != fingerprint => {
                    return Found::OtherOrder;
                }
                Some(Record::Answered { status, body, .. }) => match Answer::kept(status, body) {
                    Some(answer) => return Found::Answer(answer),
                    None => return Found::Nothing(Claim(marker)),
                },
                Some(Record::UnderWay { fingerprint: same, .. })
                    if same == fingerprint && Instant::now() < until => {}
                // Ours, someone else's for too long, another order's or nobody's.
                _ => return Found::Nothing(Claim(marker)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    /// Puts the marker where nothing stands, or says what stands there.
    async fn stand(&self, order: &Order, marker: &str) -> Option<String> {
        let mut set = cmd("SET");
        set.arg(name(order)).arg(marker).arg("NX").arg("GET").arg("PX").arg(self.in_flight_ttl_ms);
        self.cache.ask::<Option<String>>(&set).await.flatten()
    }

    /// Remembers the answer.
    pub(super) async fn keep(&self, order: &Order, claim: &Claim, answer: &Answer) {
        let record = Record::Answered {
            fingerprint: order.fingerprint(),
            status: answer.status.as_u16(),
            body: answer.body.clone(),
        };
        let Ok(record) = serde_json::to_string(&record) else { return };
        let mut keep = cmd("EVAL");
        keep.arg(KEEP).arg(1).arg(name(order)).arg(&claim.0).arg(record).arg(self.answer_ttl_seconds);
        self.cache.ask::<redis::Value>(&keep).await;
    }

    /// Lets the next one try: there is no answer.
    pub(super) async fn release(&self, order: &Order, claim: &Claim) {
        let mut release = cmd("EVAL");
        release.arg(RELEASE).arg(1).arg(name(order)).arg(&claim.0);
        self.cache.ask::<redis::Value>(&release).await;
    }
}

fn name(order: &Order) -> String {
    format!("transfer:{}", order.key)
}
