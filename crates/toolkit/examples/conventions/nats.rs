//! Messages over NATS and JetStream.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{Config, StorageType};
use futures::{StreamExt, TryStreamExt};
use throughline_toolkit::nats::{self, TracedClient};

use crate::Outcome;

pub(crate) async fn pass(url: &str) -> Outcome {
    let client = nats::connect(url).await?.template("conventions.room.{room}");
    core(&client).await?;
    requests(&client).await?;
    jetstream(&client).await?;
    key_value(&client).await
}

async fn core(client: &TracedClient) -> Outcome {
    let mut messages = client.queue_subscribe("conventions.room.*", "readers".into()).await?;
    client.publish("conventions.room.42", "hello".into()).await?;
    client.publish("conventions.room.43", "hello".into()).await?;
    drop(client.publish("no subject", "".into()).await);
    if let Some(message) = messages.next().await {
        message.process(async |_| ()).await;
    }
    if let Some(message) = messages.next().await {
        drop(message.process(async |_| Err::<(), _>(std::io::Error::other("disk"))).await);
    }
    Ok(())
}

async fn requests(client: &TracedClient) -> Outcome {
    let mut asked = client.subscribe("conventions.time").await?;
    let answer = async {
        if let Some(request) = asked.next().await {
            drop(request.serve(async |request| request.respond("now".into()).await).await);
        }
    };
    let (reply, ()) = tokio::join!(client.request("conventions.time", "".into()), answer);
    reply?;
    drop(client.request("conventions.nobody", "".into()).await);
    Ok(())
}

async fn jetstream(client: &TracedClient) -> Outcome {
    let jetstream = client.jetstream();
    let name = "CONVENTIONS";
    let subjects = vec![format!("{name}.*")];
    let config =
        Config { name: name.to_owned(), subjects, storage: StorageType::Memory, ..Config::default() };
    let stream = jetstream.create_stream(config).await?;
    for _ in 0..4 {
        jetstream.publish(format!("{name}.placed"), "order".into()).await?.await?;
    }
    let worker = pull::Config { durable_name: Some("worker".to_owned()), ..pull::Config::default() };
    let consumer = jetstream.consumer(stream.create_consumer(worker).await?);
    let batch = consumer.batch(2, Duration::from_secs(1)).await?;
    batch.process(async |_| ()).await;
    let mut messages = consumer.messages().await?;
    for attempt in 0..2 {
        let Some(message) = messages.next().await.transpose()? else { break };
        let handled = message.process(async |message| match attempt {
            0 => message.nak(Some(Duration::from_millis(1))).await,
            _ => message.double_ack().await,
        });
        handled.await?;
    }
    drop(messages);
    jetstream.delete_stream(name).await?;
    Ok(())
}

async fn key_value(client: &TracedClient) -> Outcome {
    let (jetstream, bucket) = (client.jetstream(), "CONVENTIONS");
    let storage = StorageType::Memory;
    let config = kv::Config { bucket: bucket.to_owned(), storage, ..kv::Config::default() };
    let store = jetstream.key_value(jetstream.create_key_value(config).await?);
    let _watch = store.watch("room.*").await?;
    let revision = store.create("room.42", "weather".into()).await?;
    store.update("room.42", "news".into(), revision).await?;
    drop(store.update("room.42", "sports".into(), revision).await);
    store.get("room.42").await?;
    store.get("room.43").await?;
    let _keys: Vec<String> = store.keys().await?.try_collect().await?;
    store.history("room.42").await?.try_for_each(async |_| Ok(())).await?;
    store.delete("room.42").await?;
    store.purge("room.42").await?;
    jetstream.delete_key_value(bucket).await?;
    Ok(())
}
