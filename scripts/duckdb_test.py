#!/usr/bin/env python3
"""Proves that DuckDB reads the segments in place: starts the program, sends spans and a log record,
stops it, asks by SQL. Takes the folder that holds the program."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = """
receivers: {otlp: {protocols: {http: {endpoint: '127.0.0.1:0'}}}}
exporters: {store: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [store]}, logs: {receivers: [otlp], exporters: [store]}}}
server: {endpoint: '127.0.0.1:0', tempo_endpoint: '', jaeger_endpoint: ''}
"""


def attribute(key, value):
    return {"key": key, "value": {"stringValue": value}}


def spans(now_ns):
    def span(number, name, ms):
        return {
            "traceId": f"{number // 2 + 1:032x}",
            "spanId": f"{number + 1:016x}",
            "name": name,
            "kind": 2,
            "startTimeUnixNano": str(now_ns - ms * 1_000_000),
            "endTimeUnixNano": str(now_ns),
            "attributes": [attribute("http.route", f"/r{number % 3}")],
        }

    resource = {"attributes": [attribute("service.name", "shop")]}
    made = [span(number, "GET /", 5 + number) for number in range(10)]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": made}]}]}


def logs(now_ns):
    record = {"timeUnixNano": str(now_ns), "severityNumber": 17, "body": {"stringValue": "card declined"}}
    resource = {"attributes": [attribute("service.name", "pay")]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}


def send(address, path, body):
    request = urllib.request.Request(
        f"http://{address}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    assert urllib.request.urlopen(request).status == 200


def ask(data, sql):
    command = [sys.executable, str(HERE / "duckdb.py"), str(data), sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    program = pathlib.Path(sys.argv[1]) / "throughline"
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data"
        config = pathlib.Path(folder) / "config.yaml"
        config.write_text(CONFIG)
        command = [program, "serve", "--json", "--config", config, "--data-dir", data]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = json.loads(server.stdout.readline())["addresses"]["otlp/http"]
            now_ns = time.time_ns()
            send(address, "/v1/traces", spans(now_ns))
            send(address, "/v1/logs", logs(now_ns))
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0
        answers = {
            "SELECT service, count(*) AS n FROM spans GROUP BY 1": ["shop", "10"],
            'SELECT "a.http.route" AS route, count(*) AS n FROM spans GROUP BY 1 ORDER BY 1': ["/r0", "4", "/r2", "3"],
            "SELECT count(*) AS traces, sum(span_count) AS spans FROM traces": ["5", "10"],
            "SELECT service, body FROM logs WHERE severity_number >= 17": ["pay", "card declined"],
        }
        for sql, wanted in answers.items():
            answer = ask(data, sql)
            print(f"{sql}\n{answer}")
            missing = [word for word in wanted if word not in answer]
            assert not missing, f"{missing} not in the answer"
    print(f"{len(answers)} passed, 0 failed")


if __name__ == "__main__":
    main()
