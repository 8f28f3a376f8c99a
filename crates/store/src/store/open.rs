//! Opening a store: lock, catalog, recovery, writer, background tasks.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use throughline_model::{Clock, SystemClock};
use tokio::task::spawn_blocking;

use crate::Error;
use crate::catalog::{Catalog, CatalogReport};
use crate::config::StoreConfig;
use crate::live::Live;
use crate::recovery::{Recovery, RecoveryParts, RecoveryReport, Replay};
use crate::scan::ScanPool;
use crate::segment::Segments;
use crate::store::background::Background;
use crate::store::flush::{Flusher, FlusherParts};
use crate::store::lock::DirLock;
use crate::store::reserve::Reserve;
use crate::store::upkeep::Upkeep;
use crate::store::{Store, background};
use crate::wal::counters::Counters;
use crate::wal::disk::{Disk, OsDisk};
use crate::wal::ledger::Ledger;
use crate::wal::{self, Wal, WalParts};

/// What a store takes from outside: the disk under its log and the clock.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The disk under the log.
    pub disk: Arc<dyn Disk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl Default for Environment {
    fn default() -> Self {
        Self { disk: Arc::new(OsDisk), clock: Arc::new(SystemClock) }
    }
}

impl Store {
    /// Opens the store of a directory, or makes one. Reads back what is in the log and not in segments.
    ///
    /// # Errors
    /// The directory cannot be read or written, or another process uses it. Damage is no error: see [`RecoveryReport`].
    pub async fn open(config: StoreConfig, replay: Replay) -> Result<(Arc<Self>, RecoveryReport), Error> {
        Self::open_in(config, replay, Environment::default()).await
    }

    /// The same on a disk and with a clock of the caller's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_in(
        config: StoreConfig,
        replay: Replay,
        environment: Environment,
    ) -> Result<(Arc<Self>, RecoveryReport), Error> {
        let work = move || open(config, replay, environment);
        let mut store = spawn_blocking(work)
            .await
            .map_err(|error| Error::internal("opening was stopped").with_source(error))??;
        background::start(&mut store);
        let report = store.recovery.clone();
        Ok((Arc::new(store), report))
    }
}

fn open(config: StoreConfig, replay: Replay, environment: Environment) -> Result<Store, Error> {
    let start = Instant::now();
    let Environment { disk, clock } = environment;
    let data_dir = config.data_dir.clone();
    let wal_dir = wal::directory(&data_dir);
    make_directories(disk.as_ref(), &data_dir, &wal_dir)?;
    let lock = Arc::new(DirLock::take(&data_dir)?);
    let (catalog, catalog_report) = open_catalog(disk.as_ref(), &data_dir, clock.as_ref())?;
    let catalog = Arc::new(catalog);
    let segments = Segments::new(&data_dir, catalog.clone(), config.read.footer_cache_bytes, clock.clone());
    let counters = Arc::new(Counters::default());
    let spares = (config.wal.segment_bytes, config.wal.spare_files_max);
    let ledger = Arc::new(Ledger::new(disk.clone(), wal_dir.clone(), counters.clone(), spares));
    let live = Arc::new(Live::new(&config.live, &config.flush, catalog.wal_covered()));
    let flusher = Arc::new(Flusher::new(FlusherParts {
        data_dir: data_dir.clone(),
        disk: disk.clone(),
        clock: clock.clone(),
        catalog: catalog.clone(),
        live: live.clone(),
        ledger: ledger.clone(),
        lock: lock.clone(),
        reserve_bytes: config.wal.reserve_bytes,
    }));
    let (start_at, mut recovery) = Recovery::new(RecoveryParts {
        disk: disk.clone(),
        data_dir,
        wal_dir,
        catalog: catalog.clone(),
        ledger: ledger.clone(),
        live: live.clone(),
        flusher: flusher.clone(),
        replay,
    })
    .run()?;
    ledger.release();
    flusher.reserve.hold();
    let wal = Wal::start(
        WalParts {
            disk,
            clock: clock.clone(),
            config: config.wal.clone(),
            durability: config.durability,
            ledger,
            counters,
            live: live.clone(),
            lock,
        },
        start_at,
    )?;
    let upkeep = Arc::new(Upkeep::new(segments.clone(), clock.clone(), flusher.clone()));
    recovery.catalog = catalog_report;
    recovery.duration = start.elapsed();
    let scans = ScanPool::new(config.read.scans_max);
    Ok(Store {
        config,
        clock,
        wal: Arc::new(wal),
        live,
        catalog,
        segments,
        scans,
        flusher,
        upkeep,
        flushing: Arc::default(),
        background: Background::default(),
        closed: AtomicBool::new(false),
        recovery,
    })
}

/// On a full disk the catalog may need the room that is held back for the flush.
fn open_catalog(
    disk: &dyn Disk,
    data_dir: &Path,
    clock: &dyn Clock,
) -> Result<(Catalog, CatalogReport), Error> {
    match Catalog::open(data_dir, clock.now_ns()) {
        Err(error) if error.is_retryable() && Reserve::remove_left_over(disk, data_dir) => {
            tracing::warn!(%error, cause = error.source_text(), "the reserve is given up to open the catalog");
            Catalog::open(data_dir, clock.now_ns())
        }
        other => other,
    }
}

fn make_directories(disk: &dyn Disk, data_dir: &Path, wal_dir: &Path) -> Result<(), Error> {
    disk.create_dir(wal_dir).map_err(|error| Error::io("create", wal_dir, error))?;
    disk.sync_dir(data_dir).map_err(|error| Error::io("sync", data_dir, error))?;
    if let Some(parent) = data_dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        disk.sync_dir(parent).map_err(|error| Error::io("sync", parent, error))?;
    }
    Ok(())
}
