#!/usr/bin/env python3
"""SQL over the segments of a throughline data directory, in place, with DuckDB.

    pip install duckdb
    scripts/duckdb.py DATA_DIR "SELECT service, count(*) FROM spans GROUP BY 1 ORDER BY 2 DESC"
    scripts/duckdb.py DATA_DIR            # an interactive prompt
    scripts/duckdb.py DATA_DIR --tables   # the columns of every table

Tables: spans, logs, metrics, and traces (one row a trace and segment). docs/format/columns.md describes the columns; ids are
hexadecimal text here and times have a readable twin (start_time, time). The store may be running: only segments that serve are
read, and what is not flushed yet (about a minute) is not seen. Nothing is written.
"""

import argparse
import os
import sqlite3
import sys

# This file is called like the module it needs: Python must not find it here.
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:] = [path for path in sys.path if os.path.realpath(path or ".") != HERE]

import duckdb  # noqa: E402

IDS = ("trace_id", "span_id", "parent_span_id")
TIMES = {"start_ns": "start_time", "end_ns": "end_time", "time_ns": "time", "observed_ns": "observed_time"}
TABLES = {"spans": "traces", "logs": "logs", "metrics": "metrics"}


def live_files(data_dir, tenant):
    """Paths of the segments that serve, by signal, from the catalog."""
    catalog = os.path.join(data_dir, "catalog.sqlite")
    if not os.path.exists(catalog):
        sys.exit(f"{data_dir} has no catalog.sqlite: is it a data directory?")
    files = {"traces": [], "logs": [], "metrics": [], "sidecars": []}
    with sqlite3.connect(f"file:{catalog}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT signal, path, sidecar_bytes FROM files WHERE state = 'live' AND tenant = ? ORDER BY t_min", (tenant,)
        )
        for signal, path, sidecar_bytes in rows:
            path = os.path.join(data_dir, path)
            files[signal].append(path)
            if sidecar_bytes:
                files["sidecars"].append(path.removesuffix(".parquet") + ".traces.parquet")
    return files


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def create_view(connection, name, paths):
    """A view over some segments: columns by name, ids as text, times as timestamps, the segment's id."""
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    source = f"read_parquet([{listed}], union_by_name = true, filename = true)"
    found = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    columns = []
    for column in found:
        if column in IDS:
            columns.append(f"lower(hex({quoted(column)})) AS {column}")
        elif column == "filename":
            columns.append("regexp_extract(filename, '([0-9a-f]{16})[.a-z]*$', 1) AS segment")
        else:
            columns.append(quoted(column))
            if column in TIMES:
                columns.append(f"make_timestamp_ns({column}) AS {TIMES[column]}")
    connection.execute(f"CREATE VIEW {name} AS SELECT {', '.join(columns)} FROM {source}")


def open_tables(data_dir, tenant):
    connection = duckdb.connect()
    files = live_files(data_dir, tenant)
    for name, signal in TABLES.items():
        if files[signal]:
            create_view(connection, name, files[signal])
    if files["sidecars"]:
        create_view(connection, "traces", files["sidecars"])
    return connection


def run(connection, sql, as_csv):
    if as_csv:
        connection.execute(f"COPY ({sql}) TO '/dev/stdout' (FORMAT csv, HEADER)")
        return
    relation = connection.sql(sql)
    if relation is not None:
        relation.show(max_width=200)


def prompt(connection):
    while True:
        try:
            sql = input("sql> ").strip().rstrip(";")
        except (EOFError, KeyboardInterrupt):
            print()
            return
        try:
            if sql:
                run(connection, sql, False)
        except duckdb.Error as error:
            print(error, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir")
    parser.add_argument("sql", nargs="?")
    parser.add_argument("--tenant", default="anonymous")
    parser.add_argument("--csv", action="store_true", help="print comma-separated values with a header")
    parser.add_argument("--tables", action="store_true", help="print the columns of every table")
    arguments = parser.parse_intermixed_args()
    connection = open_tables(arguments.data_dir, arguments.tenant)
    if arguments.tables:
        for (name,) in connection.execute("SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
            print(name)
            for column, kind, *_ in connection.execute(f"DESCRIBE {name}").fetchall():
                print(f"  {column}  {kind}")
    elif arguments.sql:
        try:
            run(connection, arguments.sql.strip().rstrip(";"), arguments.csv)
        except duckdb.Error as error:
            sys.exit(str(error))
    else:
        prompt(connection)


if __name__ == "__main__":
    main()
