//! What is kept long enough goes, the rest stays.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::PgPool;
use throughline_toolkit::outbox::{Inbox, InboxRetention};
use tokio::sync::oneshot;

use super::{HandClock, Recorder, eventually, postgres, relay, run, stage};

const HOUR: Duration = Duration::from_secs(3600);

/// So many messages, received so long ago.
async fn receive(pool: &PgPool, prefix: &str, count: i64, ago: Duration) {
    let received = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - ago;
    sqlx::query("INSERT INTO inbox SELECT 'reader', $1 || n, $2 FROM generate_series(1, $3) AS n")
        .bind(prefix)
        .bind(i64::try_from(received.as_micros()).unwrap())
        .bind(count)
        .execute(pool)
        .await
        .unwrap();
}

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

const REMEMBERED: &str = "SELECT count(*) FROM inbox";

async fn inbox() -> PgPool {
    let pool = postgres().await;
    Inbox::create_table(&pool).await.unwrap();
    pool
}

#[test]
fn an_inbox_forgets_what_is_old_and_nothing_else() {
    let collector = run(&[], async {
        let pool = inbox().await;
        receive(&pool, "old", 2_500, HOUR * 3).await;
        receive(&pool, "young", 7, HOUR).await;
        let retention = InboxRetention::new(pool.clone(), HOUR * 2);
        assert_eq!(retention.once().await.unwrap(), 2_500, "more than one statement may take");
        assert_eq!(retention.once().await.unwrap(), 0);
        assert_eq!(count(&pool, REMEMBERED).await, 7);
        let mut connection = pool.acquire().await.unwrap();
        assert!(Inbox::first(&mut *connection, "reader", "old1").await.unwrap(), "it is new again");
        assert!(!Inbox::first(&mut *connection, "reader", "young1").await.unwrap());
        let forever = InboxRetention::new(pool.clone(), Duration::MAX);
        assert_eq!(forever.once().await.unwrap(), 0);
    });
    let metrics = collector.received().metrics;
    let forgotten = metrics.iter().find(|metric| metric.name == "inbox.messages.forgotten").unwrap();
    let text = format!("{:?}", forgotten.data);
    assert!(text.contains("AsInt(2500)"), "{text}");
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_not_waited_for() {
    let pool = inbox().await;
    receive(&pool, "old", 10, HOUR * 3).await;
    let mut holder = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM inbox WHERE message_id = 'old3' FOR UPDATE")
        .execute(&mut *holder)
        .await
        .unwrap();
    let retention = InboxRetention::new(pool.clone(), HOUR);
    assert_eq!(retention.once().await.unwrap(), 9);
    holder.rollback().await.unwrap();
    assert_eq!(retention.once().await.unwrap(), 1);
}

#[tokio::test]
async fn a_retention_goes_on_until_it_is_asked_to_stop() {
    let pool = postgres().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let retention = InboxRetention::new(pool.clone(), HOUR).every(Duration::from_millis(5));
    let running = tokio::spawn(retention.run(async { drop(stopped.await) }));
    // There is no table yet.
    Inbox::create_table(&pool).await.unwrap();
    for _ in 0..2 {
        receive(&pool, "old", 10, HOUR * 2).await;
        eventually("they are gone", || async { count(&pool, REMEMBERED).await == 0 }).await;
    }
    drop(stop);
    running.await.unwrap();
}

#[test]
fn an_outbox_loses_what_was_sent_long_ago_and_keeps_what_waits_or_is_put_aside() {
    let collector = run(&[], async {
        let (pool, recorder, clock) = (postgres().await, Recorder::new(), HandClock::start());
        for n in 0..3 {
            stage(&pool, super::event("Sent", &format!("a{n}"))).await;
        }
        relay(&pool, &recorder).once().await.unwrap();
        stage(&pool, super::event("Waits", "b")).await;
        stage(&pool, super::event("Aside", "c")).await;
        sqlx::query("UPDATE outbox SET next_attempt_at = $1, attempts = 1 WHERE event_type = 'Waits'")
            .bind(i64::MAX)
            .execute(&pool)
            .await
            .unwrap();
        sqlx::query("UPDATE outbox SET dead_at = 1 WHERE event_type = 'Aside'").execute(&pool).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let upkeep = relay(&pool, &recorder).clock(clock.read()).retention(HOUR);
        let upkeep = upkeep.measure_every(Duration::from_millis(5));
        let upkeep = tracing::instrument::WithSubscriber::with_current_subscriber(
            upkeep.run(async { drop(stopped.await) }),
        );
        let running = tokio::spawn(upkeep);
        clock.advance(HOUR * 2);
        eventually("those sent are gone", || async {
            count(&pool, "SELECT count(*) FROM outbox").await == 2
        })
        .await;
        drop(stop);
        running.await.unwrap().unwrap();
    });
    let metrics = collector.received().metrics;
    let removed = metrics.iter().find(|metric| metric.name == "outbox.messages.removed").unwrap();
    assert!(format!("{:?}", removed.data).contains("AsInt(3)"));
}
