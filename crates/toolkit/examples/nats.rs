//! A chat room on NATS: messages are stored in a stream and persisted by a worker, and a service
//! answers with the history. Each message is one trace, from the request that sent it to the
//! acknowledgement; so is each question for the history. The room's topic is in a key-value store,
//! which two moderators change at the same time.
//!
//! `cargo run -p throughline-toolkit --features nats --example nats -- nats://127.0.0.1:4222`

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{kv, stream};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use throughline_toolkit as toolkit;
use toolkit::nats::jetstream::{TracedConsumer, TracedMessage};
use toolkit::nats::{self, TracedClient, TracedSubscriber};
use tracing::Instrument;

const STREAM: &str = "DEMO_CHAT";
const TOPICS: &str = "DEMO_TOPICS";

type History = Arc<Mutex<Vec<String>>>;

#[tokio::main]
async fn main() -> Result<(), async_nats::Error> {
    let telemetry = toolkit::init("chat")?;
    let url = std::env::args().nth(1).unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
    let client = nats::connect(url).await?.template("demo.history.{room}").template("demo.chat.{room}");
    let history = History::default();
    let worker = tokio::spawn(persist(worker(&client).await?, Arc::clone(&history)));
    let historian = tokio::spawn(answer(client.subscribe("demo.history.*").await?, history));

    let jetstream = client.jetstream();
    for text in ["hello", "is anybody there?"] {
        let send = async { jetstream.publish("demo.chat.general", text.into()).await?.await };
        let stored = send.instrument(tracing::info_span!("send_message")).await?;
        tracing::info!(stored.sequence, "stored");
    }
    worker.await??;
    let page = client.request("demo.history.general", "50".into()).await?;
    tracing::info!(page = ?page.payload, "history");
    historian.abort();
    jetstream.delete_stream(STREAM).await?;
    moderate(&client).instrument(tracing::info_span!("moderate")).await?;
    client.drain().await?;
    telemetry.shutdown(Duration::from_secs(2)).await.log();
    Ok(())
}

async fn worker(client: &TracedClient) -> Result<TracedConsumer<pull::Config>, async_nats::Error> {
    let jetstream = client.jetstream();
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["demo.chat.*".to_owned()],
        storage: stream::StorageType::Memory,
        max_age: Duration::from_secs(60),
        ..stream::Config::default()
    };
    let stream = jetstream.get_or_create_stream(config).await?;
    let durable = Some("persist-worker".to_owned());
    let config = pull::Config { durable_name: durable, ..pull::Config::default() };
    let consumer: PullConsumer = stream.get_or_create_consumer("persist-worker", config).await?;
    Ok(jetstream.consumer(consumer))
}

/// Persists two messages. The first is refused once, and comes again.
async fn persist(worker: TracedConsumer<pull::Config>, history: History) -> Result<(), async_nats::Error> {
    let mut messages = worker.messages().await?;
    while history.lock().len() < 2 {
        let Some(message) = messages.next().await else { break };
        let history = Arc::clone(&history);
        let insert = |message: TracedMessage| async move {
            if message.info()?.delivered == 1 && message.payload == "hello" {
                tracing::warn!("the database is busy");
                return message.nak(Some(Duration::from_millis(100))).await;
            }
            history.lock().push(String::from_utf8_lossy(&message.payload).into_owned());
            message.ack().await
        };
        message?.process(insert).await?;
    }
    Ok(())
}

/// Sets the topic. The second to replace the same revision is refused, and looks again.
async fn moderate(client: &TracedClient) -> Result<(), async_nats::Error> {
    let jetstream = client.jetstream();
    let storage = stream::StorageType::Memory;
    let config = kv::Config { bucket: TOPICS.to_owned(), storage, ..kv::Config::default() };
    let topics = jetstream.key_value(jetstream.create_or_update_key_value(config).await?);
    let seen = topics.put("general", "weather".into()).await?;
    topics.update("general", "news".into(), seen).await?;
    if let Err(conflict) = topics.update("general", "sports".into(), seen).await {
        let now = topics.entry("general").await?;
        tracing::warn!(%conflict, revision = now.map(|entry| entry.revision), "somebody was faster");
    }
    let rooms: Vec<String> = topics.keys().await?.try_collect().await?;
    tracing::info!(?rooms, "rooms with a topic");
    jetstream.delete_key_value(TOPICS).await?;
    Ok(())
}

async fn answer(mut requests: TracedSubscriber, history: History) {
    while let Some(request) = requests.next().await {
        let page = history.lock().join("\n");
        let answered = request.serve(|request| async move { request.respond(page.into()).await }).await;
        if answered.is_err() {
            return;
        }
    }
}
