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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Client;
    use crate::kafka::instruments::LagSource;

    fn lag(json: &str, positions: &Positions) -> Vec<(i32, u64)> {
        take(json.as_bytes(), positions);
        let mut seen = Vec::new();
        positions.visit(&mut |behind| seen.push((behind.partition, behind.messages)));
        seen.sort_unstable();
        seen
    }

    fn partition(number: i32, state: &str, [high, stable, committed]: [i64; 3]) -> String {
        format!(
            r#""{number}": {{"partition": {number}, "fetch_state": "{state}", "hi_offset": {high},
            "ls_offset": {stable}, "committed_offset": {committed}, "app_offset": -1001}}"#
        )
    }

    #[test]
    fn lag_is_of_the_partitions_that_are_fetched() {
        let positions = Positions::new(Client::new());
        let partitions = [
            partition(0, "active", [10, 8, 5]),
            partition(1, "active", [10, -1001, 5]),
            partition(2, "active", [10, 10, -1001]),
            partition(3, "none", [10, 10, 5]),
            partition(-1, "active", [10, 10, 5]),
        ];
        let json = format!(r#"{{"topics": {{"orders": {{"partitions": {{{}}}}}}}}}"#, partitions.join(","));
        assert_eq!(lag(&json, &positions), [(0, 3), (1, 5)]);
        let revoked = partition(0, "stopped", [10, 8, 5]);
        let json = format!(r#"{{"topics": {{"orders": {{"partitions": {{{revoked}}}}}}}}}"#);
        assert_eq!(lag(&json, &positions), [(1, 5)]);
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        let positions = Positions::new(Client::new());
        positions.known("orders", 0, Some(3), Some(1));
        for json in ["", "{}", r#"{"topics": 7}"#, r#"{"topics": {"orders": {}}}"#] {
            assert_eq!(lag(json, &positions), [(0, 2)], "{json}");
        }
    }
}
