//! The SQL of the catalog. `docs/format/catalog.md` describes the tables.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use throughline_model::{Signal, Tenant};

use crate::catalog::{FileEntry, FileId, Removed};
use crate::error::Error;

/// Version of the tables, kept as SQLite's `user_version`.
pub(super) const VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE files (
  id INTEGER PRIMARY KEY,
  signal TEXT NOT NULL,
  tenant TEXT NOT NULL,
  level INTEGER NOT NULL,
  path TEXT NOT NULL,
  t_min INTEGER NOT NULL,
  t_max INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sidecar_bytes INTEGER NOT NULL,
  services TEXT,
  columns TEXT NOT NULL,
  schema_version INTEGER NOT NULL,
  wal_position INTEGER NOT NULL,
  created_ns INTEGER NOT NULL,
  tail_offset INTEGER NOT NULL,
  tail_crc INTEGER NOT NULL,
  sidecar_tail_offset INTEGER NOT NULL,
  sidecar_tail_crc INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'removed', 'quarantined')),
  state_ns INTEGER NOT NULL,
  reason TEXT
);
CREATE INDEX files_state ON files (state, state_ns);
CREATE TABLE covered (
  signal TEXT NOT NULL,
  tenant TEXT NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (signal, tenant)
) WITHOUT ROWID;
CREATE TABLE wal (covered INTEGER NOT NULL);
INSERT INTO wal VALUES (0);
";

/// Creates the tables.
pub(super) fn create(connection: &mut Connection) -> Result<(), Error> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(transaction.commit()?)
}

pub(super) fn insert(connection: &Connection, entry: &FileEntry) -> Result<(), Error> {
    let path = entry.path.to_str().ok_or_else(|| Error::internal("a segment's path is not text"))?;
    let json = |texts: &Vec<String>| serde_json::Value::from(texts.clone()).to_string();
    let mut statement = connection.prepare_cached(
        "INSERT INTO files VALUES (:id, :signal, :tenant, :level, :path, :t_min, :t_max, :rows, :bytes, :sidecar_bytes, :services,
         :columns, :schema_version, :wal_position, :created_ns, :tail_offset, :tail_crc, :sidecar_tail_offset, :sidecar_tail_crc,
         'live', :created_ns, NULL)",
    )?;
    statement.execute(named_params! {
        ":id": signed(entry.id.0),
        ":signal": entry.signal.name(),
        ":tenant": entry.tenant.as_str(),
        ":level": entry.level,
        ":path": path,
        ":t_min": entry.t_min,
        ":t_max": entry.t_max,
        ":rows": signed(entry.rows),
        ":bytes": signed(entry.bytes),
        ":sidecar_bytes": signed(entry.sidecar_bytes),
        ":services": entry.services.as_ref().map(json),
        ":columns": json(&entry.columns),
        ":schema_version": entry.schema_version,
        ":wal_position": signed(entry.wal_position),
        ":created_ns": entry.created_ns,
        ":tail_offset": signed(entry.tail_offset),
        ":tail_crc": entry.tail_crc,
        ":sidecar_tail_offset": signed(entry.sidecar_tail_offset),
        ":sidecar_tail_crc": entry.sidecar_tail_crc,
    })?;
    Ok(())
}

/// Every segment that serves.
pub(super) fn live(connection: &Connection) -> Result<Vec<FileEntry>, Error> {
    let mut statement = connection.prepare("SELECT * FROM files WHERE state = 'live'")?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(entry(row)?);
    }
    Ok(entries)
}

fn entry(row: &Row<'_>) -> Result<FileEntry, Error> {
    let number = |name: &str| row.get::<_, i64>(name).map(unsigned);
    let wrong = |what: &str| Error::internal(format!("the catalog holds a wrong {what}"));
    let texts = |json: String| {
        serde_json::from_str::<Vec<String>>(&json).map_err(|error| wrong("list").with_source(error))
    };
    Ok(FileEntry {
        id: FileId(number("id")?),
        signal: Signal::from_name(&row.get::<_, String>("signal")?).ok_or_else(|| wrong("signal"))?,
        tenant: Tenant::new(&row.get::<_, String>("tenant")?)
            .map_err(|error| wrong("tenant").with_source(error))?,
        level: row.get("level")?,
        path: PathBuf::from(row.get::<_, String>("path")?),
        t_min: row.get("t_min")?,
        t_max: row.get("t_max")?,
        rows: number("rows")?,
        bytes: number("bytes")?,
        sidecar_bytes: number("sidecar_bytes")?,
        services: row.get::<_, Option<String>>("services")?.map(texts).transpose()?,
        columns: texts(row.get("columns")?)?,
        schema_version: row.get("schema_version")?,
        wal_position: number("wal_position")?,
        created_ns: row.get("created_ns")?,
        tail_offset: number("tail_offset")?,
        tail_crc: row.get("tail_crc")?,
        sidecar_tail_offset: number("sidecar_tail_offset")?,
        sidecar_tail_crc: row.get("sidecar_tail_crc")?,
    })
}

/// Every id the table has, whatever its state.
pub(super) fn ids(connection: &Connection) -> Result<Vec<FileId>, Error> {
    let mut statement = connection.prepare("SELECT id FROM files")?;
    let ids = statement.query_map([], |row| row.get::<_, i64>(0))?;
    Ok(ids.map(|id| id.map(|id| FileId(unsigned(id)))).collect::<Result<_, _>>()?)
}

/// Ends a segment's service; false if it did not serve.
pub(super) fn remove(connection: &Connection, id: FileId, now_ns: i64) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE files SET state = 'removed', state_ns = ?2 WHERE id = ?1 AND state = 'live'",
    )?;
    Ok(statement.execute(params![signed(id.0), now_ns])? == 1)
}

pub(super) fn quarantine(
    connection: &Connection,
    id: FileId,
    reason: &str,
    now_ns: i64,
) -> Result<bool, Error> {
    let sql =
        "UPDATE files SET state = 'quarantined', state_ns = ?2, reason = ?3 WHERE id = ?1 AND state = 'live'";
    Ok(connection.execute(sql, params![signed(id.0), now_ns, reason])? == 1)
}

pub(super) fn drop_sidecar(connection: &Connection, id: FileId) -> Result<bool, Error> {
    let sql = "UPDATE files SET sidecar_bytes = 0 WHERE id = ?1 AND sidecar_bytes > 0";
    Ok(connection.execute(sql, params![signed(id.0)])? == 1)
}

pub(super) fn removed_before(connection: &Connection, before_ns: i64) -> Result<Vec<Removed>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id, path FROM files WHERE state = 'removed' AND state_ns <= ?1 ORDER BY id LIMIT 1000",
    )?;
    let rows = statement.query_map([before_ns], |row| {
        Ok(Removed { id: FileId(unsigned(row.get(0)?)), path: PathBuf::from(row.get::<_, String>(1)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn forget(connection: &Connection, id: FileId) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM files WHERE id = ?1 AND state = 'removed'")?
        .execute([signed(id.0)])?;
    Ok(())
}

/// Notes that a tenant's records of a signal are in segments up to a position.
pub(super) fn cover(
    connection: &Connection,
    signal: Signal,
    tenant: &Tenant,
    position: u64,
) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO covered VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET position = max(position, excluded.position)",
    )?;
    statement.execute(params![signal.name(), tenant.as_str(), signed(position)])?;
    Ok(())
}

pub(super) fn covered(connection: &Connection, signal: Signal, tenant: &Tenant) -> Result<u64, Error> {
    let mut statement =
        connection.prepare_cached("SELECT position FROM covered WHERE signal = ?1 AND tenant = ?2")?;
    let position: Option<i64> =
        statement.query_row(params![signal.name(), tenant.as_str()], |row| row.get(0)).optional()?;
    Ok(position.map_or(0, unsigned))
}

pub(super) fn wal_covered(connection: &Connection) -> Result<u64, Error> {
    Ok(unsigned(connection.query_row("SELECT covered FROM wal", [], |row| row.get(0))?))
}

pub(super) fn set_wal_covered(connection: &Connection, position: u64) -> Result<(), Error> {
    connection.execute("UPDATE wal SET covered = max(covered, ?1)", [signed(position)])?;
    Ok(())
}

/// SQLite's integers are signed; what is stored here never reaches their end.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
