//! DuckDB answers SQL over the segments in place, through `scripts/duckdb.py`.

use std::path::PathBuf;
use std::process::Command;

use throughline_model::{Signal, Span};

use super::Room;
use super::telemetry::{Telemetry, span_batch};

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/duckdb.py")
}

/// Whether Python has DuckDB. `THROUGHLINE_REQUIRE_DUCKDB=1` makes its absence a failure.
fn has_duckdb() -> bool {
    let found = Command::new("python3")
        .args(["-c", "import duckdb"])
        .output()
        .is_ok_and(|output| output.status.success());
    let required = std::env::var("THROUGHLINE_REQUIRE_DUCKDB").is_ok_and(|value| value == "1");
    assert!(found || !required, "python3 has no module duckdb");
    found
}

/// The statements of `docs/format/columns.md`, but for the one that is for the catalog.
fn documented() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/format/columns.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```sql").skip(1).filter_map(|block| block.split("```").next());
    let found: Vec<String> =
        blocks.flat_map(|block| block.split(';')).map(|sql| sql.trim().to_owned()).collect();
    let found: Vec<String> =
        found.into_iter().filter(|sql| !sql.is_empty() && !sql.contains("FROM files")).collect();
    assert!(found.len() > 3, "{found:?}");
    found
}

fn query(room: &Room, sql: &str) -> String {
    let output =
        Command::new("python3").arg(script()).arg(room.path()).args(["--csv", sql]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().replace("\r\n", "\n")
}

#[test]
fn duckdb_reads_the_segments_in_place() {
    if !has_duckdb() {
        println!("skipped: python3 has no module duckdb (pip install duckdb)");
        return;
    }
    let room = Room::new();
    let mut telemetry = Telemetry::new(31);
    let route = Span { attributes: vec![("http.route".to_owned(), "/x".into())], ..telemetry.span() };
    room.flush(Signal::Traces, &[span_batch(&[route])]);
    for signal in Signal::ALL {
        for _ in 0..2 {
            let batch = telemetry.batch(signal, 40);
            room.flush(signal, &[batch]);
        }
    }
    // A segment that serves no longer is not read, though its file is still there.
    let gone = room.flush(Signal::Logs, &[telemetry.batch(Signal::Logs, 7)]);
    let change = throughline_store::catalog::Change { remove: vec![gone.id], ..Default::default() };
    let _ = room.catalog.commit(&change).unwrap();
    assert_eq!(
        query(&room, "SELECT count(*) AS n, count(DISTINCT trace_id) < 41 AS few FROM spans"),
        "n,few\n81,true"
    );
    assert_eq!(query(&room, "SELECT count(*) AS n FROM logs"), "n\n80");
    assert_eq!(query(&room, "SELECT count(*) AS n FROM metrics"), "n\n80");
    assert_eq!(query(&room, "SELECT sum(span_count) AS n FROM traces"), "n\n81");
    assert_eq!(
        query(&room, "SELECT DISTINCT strftime(start_time, '%Y-%m-%d') AS day FROM spans"),
        "day\n2026-11-21"
    );
    let by_rows = "SELECT count(*) AS n FROM traces t WHERE t.span_count <> (SELECT count(*) FROM spans s WHERE s.trace_id = t.trace_id AND s.segment = t.segment)";
    assert_eq!(query(&room, by_rows), "n\n0");
    for sql in documented() {
        query(&room, &sql);
    }
}
