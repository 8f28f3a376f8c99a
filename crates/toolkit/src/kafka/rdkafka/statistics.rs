//! What is of interest in librdkafka's statistics (`statistics.interval.ms`, its `STATISTICS.md`):
//! where partitions end, and where the group is.

use std::collections::HashMap;

use serde::Deserialize;

use crate::kafka::positions::Positions;

#[derive(Debug, Deserialize)]
struct Statistics {
    #[serde(default)]
    topics: HashMap<String, Topic>,
}

#[derive(Debug, Deserialize)]
struct Topic {
    #[serde(default)]
    partitions: HashMap<String, Partition>,
}

#[derive(Debug, Deserialize)]
struct Partition {
    partition: i32,
    fetch_state: String,
    hi_offset: i64,
    ls_offset: i64,
    committed_offset: i64,
}

/// Takes over what a snapshot says of the partitions that are being fetched. One that cannot be
/// read changes nothing.
pub(super) fn take(json: &[u8], positions: &Positions) {
    let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else { return };
    for (topic, partition) in statistics.topics.iter().flat_map(|(name, topic)| {
        topic.partitions.values().filter(|p| p.partition >= 0).map(move |p| (name, p))
    }) {
        match partition.fetch_state.as_str() {
            "none" | "stopping" | "stopped" => positions.gone(topic, partition.partition),
            _ => {
                // What is beyond the last stable offset cannot be read yet.
                let end = known(partition.ls_offset).or_else(|| known(partition.hi_offset));
                positions.known(topic, partition.partition, end, known(partition.committed_offset));
            }
        }
    }
}

/// Offsets below zero say why there is none.
fn known(offset: i64) -> Option<i64> {
    (offset >= 0).then_some(offset)
}
