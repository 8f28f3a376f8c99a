//! The key-value store: a CLIENT span for each operation on a bucket, its duration measured.
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use throughline_toolkit::nats;
//! # async fn f() -> Result<(), async_nats::Error> {
//! let jetstream = nats::connect("nats://localhost").await?.jetstream();
//! let rooms = jetstream.key_value(jetstream.get_key_value("rooms").await?);
//!
//! let revision = rooms.create("general.topic", "weather".into()).await?;
//! rooms.update("general.topic", "news".into(), revision).await?;
//! assert_eq!(rooms.get("general.topic").await?.as_deref(), Some(&b"news"[..]));
//! let keys: Vec<String> = rooms.keys().await?.try_collect().await?;
//! # Ok(()) }
//! ```
//!
//! # What spans there are
//!
//! A store that is asked for the value of a key is a database, whatever keeps its values: the spans
//! follow the conventions for database clients (1.44), with `db.system.name` = `nats`, and not
//! those for messaging. Nobody waits for what is put, and what is got was not sent to anybody.
//!
//! | span | of | ends |
//! | --- | --- | --- |
//! | `get <bucket>` | `get`, `entry`, `entry_for_revision` | with the answer; a key that is not there is one |
//! | `put <bucket>`, `create <bucket>`, `update <bucket>` | those | when the server has stored it |
//! | `delete <bucket>`, `purge <bucket>` | those, also `…_expect_revision` and `…_with_ttl` | when the server has stored it |
//! | `keys <bucket>`, `history <bucket>` | those | with the last key or entry; as cancelled when the stream is dropped before |
//! | `watch <bucket>` | all that `watch…` | when the server has set up the watch |
//!
//! The entries that a watch gives make no spans: a watch lasts as long as its process, and an entry
//! says neither who put it nor in what context, so there is no trace that one could belong to.
//! Where an entry sets off work of its own, give that a span.
//!
//! The publish below a `put` and the requests below a `get` make no second span. Nor does what is
//! put carry a context: the client lets no headers be put, and a reader would not be shown them.
//!
//! | attribute | |
//! | --- | --- |
//! | `db.collection.name` | the bucket |
//! | `nats.kv.key` | the key, or the pattern of a watch; never in names and metrics. Values are not recorded |
//! | `nats.kv.value.size` | bytes of the value that was put or got |
//! | `nats.kv.revision` | of the entry that was put or got |
//! | `nats.kv.expected_revision` | which one `update` and `…_expect_revision` were to replace |
//! | `db.response.returned_rows` | how many entries or keys were found: 0 when `get` found none |
//! | `error.type` | `wrong_last_revision`, `already_exists`, `invalid_key`, `timeout`, `stream_not_found`, `no_responders`, … |
//! | `db.response.status_code` | the server's number of the error, `10071`, or the status of its answer, `503` |
//!
//! `db.client.operation.duration` is measured by operation, bucket, server and `error.type`.

mod failure;
mod listing;
mod operation;
mod store;
mod watch;

pub use listing::TracedListing;
pub use store::TracedStore;
