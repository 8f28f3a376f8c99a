//! What a store says about itself.

use serde::Serialize;
use throughline_model::Signal;

use crate::live::signal_index;
use crate::store::{FlushStats, Store, UpkeepStats};
use crate::wal::{ConsumerStats, WalStats};

/// Sizes now and counts since the store was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StoreStats {
    /// Spans.
    pub spans: TableStats,
    /// Log records.
    pub logs: TableStats,
    /// Metric points.
    pub points: TableStats,
    /// Memory of live data, requests that wait for the log included.
    pub live_bytes: usize,
    /// Bytes of segments and their sidecars.
    pub segment_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Time of the oldest row in segments.
    pub oldest_ns: Option<i64>,
    /// The log.
    pub wal: WalStats,
    /// The log's readers.
    pub readers: Vec<ConsumerStats>,
    /// Flushes.
    pub flush: FlushStats,
    /// Compaction and retention.
    pub upkeep: UpkeepStats,
    /// Segments and sidecars set aside as damaged since the start.
    pub quarantined: u64,
    /// Memory of cached footers.
    pub footer_bytes: usize,
}

/// One signal's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TableStats {
    /// All rows.
    pub rows: u64,
    /// Those of them that are not in segments.
    pub live_rows: u64,
    /// Bytes of segments and their sidecars.
    pub bytes: u64,
    /// Segments.
    pub segments: u64,
}

impl StoreStats {
    /// One signal.
    #[must_use]
    pub fn table(&self, signal: Signal) -> &TableStats {
        match signal {
            Signal::Traces => &self.spans,
            Signal::Logs => &self.logs,
            Signal::Metrics => &self.points,
        }
    }

    /// Rows of one signal.
    #[must_use]
    pub fn rows_of(&self, signal: Signal) -> u64 {
        self.table(signal).rows
    }

    /// Rows of all signals.
    #[must_use]
    pub fn rows(&self) -> u64 {
        Signal::ALL.into_iter().map(|signal| self.rows_of(signal)).sum()
    }
}

pub(super) fn collect(store: &Store) -> StoreStats {
    let live = store.live.sizes();
    let mut tables = [TableStats::default(); 3];
    for (table, rows) in tables.iter_mut().zip(live.rows) {
        table.rows = rows;
        table.live_rows = rows;
    }
    let mut oldest_ns: Option<i64> = None;
    let snapshot = store.catalog.snapshot();
    for file in snapshot.files() {
        if let Some(table) = tables.get_mut(signal_index(file.signal)) {
            table.rows += file.rows;
            table.bytes += file.total_bytes();
            table.segments += 1;
        }
        oldest_ns = Some(oldest_ns.map_or(file.t_min, |oldest| oldest.min(file.t_min)));
    }
    let [spans, logs, points] = tables;
    let (damage, more) = store.segments.damage();
    StoreStats {
        spans,
        logs,
        points,
        live_bytes: live.bytes,
        segment_bytes: spans.bytes + logs.bytes + points.bytes,
        segments: spans.segments + logs.segments + points.segments,
        oldest_ns,
        wal: store.wal.stats(),
        readers: store.wal.ledger().consumers(),
        flush: store.flusher.stats(),
        upkeep: store.upkeep.stats(),
        quarantined: damage.len() as u64 + more,
        footer_bytes: store.segments.footer_bytes(),
    }
}
