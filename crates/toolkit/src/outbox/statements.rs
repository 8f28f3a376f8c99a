//! The SQL of the outbox.

use super::connection::Dialect;

/// One statement in both dialects, and the name of its span.
#[derive(Debug)]
pub(super) struct Sql {
    pub(super) summary: &'static str,
    postgresql: &'static str,
    sqlite: &'static str,
}

impl Sql {
    const fn same(summary: &'static str, text: &'static str) -> Self {
        Self { summary, postgresql: text, sqlite: text }
    }

    pub(super) fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Postgresql => self.postgresql,
            Dialect::Sqlite => self.sqlite,
        }
    }
}

pub(super) static LOCK_SCHEMA: Sql = Sql::same("lock schema", "SELECT pg_advisory_xact_lock($1)");

/// id, event_type, aggregate_id, destination, key, payload, headers, traceparent, tracestate,
/// baggage, created_at.
pub(super) static STAGE: Sql = Sql {
    summary: "INSERT outbox",
    postgresql: "INSERT INTO outbox (id, event_type, aggregate_id, destination, key, payload, \
        headers, traceparent, tracestate, baggage, created_at) \
        VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    sqlite: "INSERT INTO outbox (id, event_type, aggregate_id, destination, key, payload, \
        headers, traceparent, tracestate, baggage, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
};

/// Listening relays hear of it when the transaction is committed. SQLite knows no such thing.
pub(super) static ANNOUNCE: Sql = Sql::same("NOTIFY outbox", "SELECT pg_notify('throughline_outbox', '')");

/// Rows that may be sent now, in order: now, at most, partitions held (a bit each), destinations
/// to leave alone (JSON). A row behind one of its key that waits for its next attempt waits too.
pub(super) static DUE: Sql = Sql {
    summary: "SELECT outbox",
    postgresql: "SELECT id::text, event_type, aggregate_id, destination, key, payload, headers, \
        traceparent, tracestate, baggage, created_at, attempts FROM outbox \
        WHERE sent_at IS NULL AND dead_at IS NULL AND next_attempt_at <= $1 \
        AND ($3 >> (hashtext(key) & 15)) & 1 = 1 \
        AND destination <> ALL (ARRAY(SELECT json_array_elements_text($4::json))) \
        AND NOT EXISTS (SELECT 1 FROM outbox AS held \
            WHERE held.attempts > 0 AND held.sent_at IS NULL AND held.dead_at IS NULL \
            AND held.next_attempt_at > $1 AND held.destination = outbox.destination \
            AND held.key = outbox.key AND held.position < outbox.position) \
        ORDER BY position LIMIT $2",
    sqlite: "SELECT id, event_type, aggregate_id, destination, key, payload, headers, \
        traceparent, tracestate, baggage, created_at, attempts FROM outbox \
        WHERE sent_at IS NULL AND dead_at IS NULL AND next_attempt_at <= $1 \
        AND $3 <> 0 \
        AND destination NOT IN (SELECT value FROM json_each($4)) \
        AND NOT EXISTS (SELECT 1 FROM outbox AS held \
            WHERE held.attempts > 0 AND held.sent_at IS NULL AND held.dead_at IS NULL \
            AND held.next_attempt_at > $1 AND held.destination = outbox.destination \
            AND held.key = outbox.key AND held.position < outbox.position) \
        ORDER BY position LIMIT $2",
};

/// sent_at, ids (JSON).
pub(super) static SENT: Sql = Sql {
    summary: "UPDATE outbox sent",
    postgresql: "UPDATE outbox SET sent_at = $1, attempts = attempts + 1 WHERE sent_at IS NULL \
        AND id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
    sqlite: "UPDATE outbox SET sent_at = $1, attempts = attempts + 1 WHERE sent_at IS NULL \
        AND id IN (SELECT value FROM json_each($2))",
};

/// next_attempt_at, error, id.
pub(super) static FAILED: Sql = Sql {
    summary: "UPDATE outbox failed",
    postgresql: "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $1, last_error = $2 \
        WHERE id = $3::uuid",
    sqlite: "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $1, last_error = $2 \
        WHERE id = $3",
};

/// error, id: the broker was away, which is not counted against the row.
pub(super) static UNREACHED: Sql = Sql {
    summary: "UPDATE outbox unreached",
    postgresql: "UPDATE outbox SET last_error = $1 WHERE id = $2::uuid",
    sqlite: "UPDATE outbox SET last_error = $1 WHERE id = $2",
};

/// dead_at, error, id.
pub(super) static DEAD: Sql = Sql {
    summary: "UPDATE outbox dead",
    postgresql: "UPDATE outbox SET attempts = attempts + 1, dead_at = $1, last_error = $2 \
        WHERE id = $3::uuid",
    sqlite: "UPDATE outbox SET attempts = attempts + 1, dead_at = $1, last_error = $2 WHERE id = $3",
};

/// Sent before, at most.
pub(super) static PRUNE: Sql = Sql {
    summary: "DELETE outbox",
    postgresql: "DELETE FROM outbox WHERE id IN \
        (SELECT id FROM outbox WHERE sent_at < $1 ORDER BY sent_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    sqlite: "DELETE FROM outbox WHERE id IN \
        (SELECT id FROM outbox WHERE sent_at < $1 ORDER BY sent_at LIMIT $2)",
};

/// Destination, number, oldest.
pub(super) static PENDING: Sql = Sql::same(
    "SELECT outbox pending",
    "SELECT destination, count(*), min(created_at) FROM outbox \
        WHERE sent_at IS NULL AND dead_at IS NULL GROUP BY destination",
);

/// Destination, number.
pub(super) static COUNT_DEAD: Sql = Sql::same(
    "SELECT outbox dead",
    "SELECT destination, count(*) FROM outbox WHERE dead_at IS NOT NULL GROUP BY destination",
);

/// At most.
pub(super) static LIST_DEAD: Sql = Sql {
    summary: "SELECT outbox dead",
    postgresql: "SELECT id::text, event_type, aggregate_id, destination, key, attempts, dead_at, \
        last_error FROM outbox WHERE dead_at IS NOT NULL ORDER BY position LIMIT $1",
    sqlite: "SELECT id, event_type, aggregate_id, destination, key, attempts, dead_at, \
        last_error FROM outbox WHERE dead_at IS NOT NULL ORDER BY position LIMIT $1",
};

/// A row that comes back goes to the end: what was behind it is on its way or gone.
pub(super) static REQUEUE: Sql = Sql {
    summary: "UPDATE outbox requeue",
    postgresql: "UPDATE outbox SET dead_at = NULL, attempts = 0, next_attempt_at = 0, \
        position = nextval(pg_get_serial_sequence('outbox', 'position')) \
        WHERE id = $1::uuid AND dead_at IS NOT NULL",
    sqlite: "UPDATE outbox SET dead_at = NULL, attempts = 0, next_attempt_at = 0, \
        position = (SELECT max(position) + 1 FROM outbox) \
        WHERE id = $1 AND dead_at IS NOT NULL",
};

/// Destination, at most: the ids of dead rows in their order.
pub(super) static DEAD_IDS: Sql = Sql {
    summary: "SELECT outbox dead",
    postgresql: "SELECT id::text FROM outbox WHERE dead_at IS NOT NULL AND destination = $1 \
        ORDER BY position LIMIT $2",
    sqlite: "SELECT id FROM outbox WHERE dead_at IS NOT NULL AND destination = $1 \
        ORDER BY position LIMIT $2",
};

/// consumer, message id, now.
pub(super) static RECEIVE: Sql = Sql::same(
    "INSERT inbox",
    "INSERT INTO inbox (consumer, message_id, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
);

/// Received before, at most.
pub(super) static FORGET: Sql = Sql {
    summary: "DELETE inbox",
    postgresql: "DELETE FROM inbox WHERE (consumer, message_id) IN \
        (SELECT consumer, message_id FROM inbox WHERE received_at < $1 \
            ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    sqlite: "DELETE FROM inbox WHERE (consumer, message_id) IN \
        (SELECT consumer, message_id FROM inbox WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
};

/// now: who has the lease, and for how many microseconds yet. Relays on PostgreSQL run on several
/// machines, whose clocks differ: there the server's counts.
pub(super) static LEASED: Sql = Sql {
    summary: "SELECT outbox_relay",
    postgresql: "SELECT owner, expires_at - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint \
        FROM outbox_relay WHERE $1 = $1",
    sqlite: "SELECT owner, expires_at - $1 FROM outbox_relay",
};

/// owner, microseconds, now: one row when the lease is now the owner's, none when it is another's.
pub(super) static LEASE: Sql = Sql {
    summary: "INSERT outbox_relay",
    postgresql: "INSERT INTO outbox_relay (id, owner, expires_at) \
        SELECT 1, $1, $2 + (extract(epoch FROM clock_timestamp()) * 1000000)::bigint WHERE $3 = $3 \
        ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at \
        WHERE outbox_relay.owner = excluded.owner \
        OR outbox_relay.expires_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    sqlite: "INSERT INTO outbox_relay (id, owner, expires_at) VALUES (1, $1, $2 + $3) \
        ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at \
        WHERE outbox_relay.owner = excluded.owner OR outbox_relay.expires_at <= $3",
};

/// owner.
pub(super) static END_LEASE: Sql =
    Sql::same("DELETE outbox_relay", "DELETE FROM outbox_relay WHERE owner = $1");

/// The advisory locks of this table: one number for each partition, and one more.
pub(super) static LOCK_BASE: Sql =
    Sql::same("SELECT outbox", "SELECT ('outbox'::regclass::oid::bigint) << 8");

pub(super) static LOCK_SHARED: Sql = Sql::same("lock outbox", "SELECT pg_advisory_lock_shared($1)");

pub(super) static TRY_LOCK: Sql =
    Sql::same("lock outbox", "SELECT CASE WHEN pg_try_advisory_lock($1) THEN 1::bigint ELSE 0::bigint END");

pub(super) static UNLOCK: Sql = Sql::same("unlock outbox", "SELECT pg_advisory_unlock($1)");

/// How many sessions hold this lock together.
pub(super) static COUNT_SHARED: Sql = Sql::same(
    "SELECT pg_locks",
    "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
        AND mode = 'ShareLock' AND objsubid = 1 \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
        AND (classid::bigint << 32) | objid::bigint = $1",
);
