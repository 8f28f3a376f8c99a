//! Commands to Redis.

use redis::{AsyncCommands, Client, RedisResult, Script};
use throughline_toolkit::redis::TracedConnection;

use crate::Outcome;

pub(crate) async fn pass(url: &str) -> Outcome {
    let client = Client::open(url)?;
    let connection = client.get_multiplexed_async_connection().await?;
    let mut redis = TracedConnection::new(connection).server(client.get_connection_info());
    let _: () = redis.set_ex("conventions", "text", 60).await?;
    let mut pipeline = redis::pipe();
    let _: () = pipeline.get("conventions").ttl("conventions").query_async(&mut redis).await?;
    // Unknown to the server, so that it is loaded.
    let script = Script::new(&format!("-- {}\nreturn redis.call('GET', KEYS[1])", std::process::id()));
    let _: Option<String> = script.key("conventions").invoke_async(&mut redis).await?;
    let wrong: RedisResult<()> = redis.lpush("conventions", 1).await;
    drop(wrong);
    Ok(())
}
