//! Records through Kafka.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::producer::FutureRecord;
use throughline_toolkit::kafka::rdkafka::{TracedConsumer, TracedProducer};

use crate::Outcome;

const TOPIC: &str = "conventions.order.placed";

pub(crate) async fn pass(url: &str) -> Outcome {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", url.trim_start_matches("kafka://"))
        .set("client.id", "conventions")
        .set("group.id", "conventions")
        .set("auto.offset.reset", "earliest")
        .set("statistics.interval.ms", "100")
        .set("enable.auto.commit", "false");
    let producer: TracedProducer = config.create()?;
    for key in ["first", "second", "third", "fourth"] {
        let record = FutureRecord::to(TOPIC).key(key).payload("order");
        producer.send(record, Duration::from_secs(10)).await?;
    }
    let tombstone: FutureRecord<'_, str, str> = FutureRecord::to(TOPIC).key("fifth");
    producer.send(tombstone, Duration::from_secs(10)).await?;
    let wrong = FutureRecord::to("no such topic!").key("k").payload("order");
    drop(producer.send(wrong, Duration::from_secs(1)).await);

    let consumer: TracedConsumer = config.create()?;
    consumer.subscribe(&[TOPIC])?;
    let good = consumer.recv().await?;
    good.process(async |_| ()).await;
    let bad = consumer.recv().await?;
    drop(bad.process(async |_| Err::<(), _>(std::io::Error::other("disk"))).await);
    consumer.commit(&bad, CommitMode::Sync)?;
    let batch = consumer.recv_batch(3, Duration::from_secs(1)).await?;
    batch.process(async |_| ()).await;
    consumer.commit_batch(&batch, CommitMode::Sync)?;
    Ok(())
}
