//! Counts visits in Redis; each command, the pipeline and the script leave a span.
//!
//! `cargo run -p throughline-toolkit --features redis --example redis -- redis://127.0.0.1:6379`

use std::time::Duration;

use redis::{AsyncCommands, Client, Script};
use throughline_toolkit as toolkit;
use toolkit::redis::TracedConnection;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry = toolkit::init("visits")?;
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned());
    let client = Client::open(url)?;
    let connection = client.get_connection_manager().await?;
    let redis = TracedConnection::new(connection).server(client.get_connection_info());
    let visits = visit(redis, "alice").await?;
    tracing::info!(visits, "welcome");
    telemetry.shutdown(Duration::from_secs(2)).await.log();
    Ok(())
}

/// Counts a visit and answers how many there were today.
#[tracing::instrument(skip(redis))]
async fn visit<C: AsyncCommands>(mut redis: C, visitor: &str) -> redis::RedisResult<u64> {
    let key = format!("visits:{visitor}");
    let seen: Option<u64> = redis.get(&key).await?;
    if seen.is_none() {
        tracing::info!("a new visitor");
    }
    let mut pipeline = redis::pipe();
    pipeline.atomic().incr(&key, 1).expire(&key, 86_400);
    let (visits, _): (u64, bool) = pipeline.query_async(&mut redis).await?;
    let greeted = Script::new("return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)");
    let _times: u64 = greeted.key("greetings").arg(visitor).invoke_async(&mut redis).await?;
    Ok(visits)
}
