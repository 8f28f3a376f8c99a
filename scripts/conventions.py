#!/usr/bin/env python3
"""Judges what a program emits by OpenTelemetry's semantic conventions, with their own checker.

    scripts/conventions.py --weaver PATH/TO/weaver --conventions PATH/TO/semantic-conventions -- PROGRAM [ARGUMENT...]

Starts `weaver registry live-check` on loopback, runs PROGRAM with its OTLP exporter pointed there, and
prints every finding. Weaver judges names, types, enumerations, units and instruments everywhere, and
which attributes metrics need; it does not know which convention a span follows. So the spans that it
received are judged here as well, by the requirement levels, kinds and names of the registry that
weaver resolves. Exits with 1 when anything is a violation. docs/conventions.md explains the findings.
"""

import argparse
import collections
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The toolkit's own names, on top of the conventions.
REGISTRY = ROOT / "crates" / "toolkit" / "registry"
LEVELS = ("violation", "improvement", "information")
READY_SECONDS = 60

# When an attribute that is required on a condition must be there, as far as the span tells. "An answer"
# is what everything but a failed connection has had.
CONDITIONS = {
    "http.request.method_original": lambda span: span["http.request.method"] == "_OTHER",
    "http.response.status_code": lambda span: "error.type" not in span or span["error.type"].isdigit(),
    "http.route": lambda span: span.get("http.response.status_code") != 404,
    "network.protocol.name": lambda span: False,  # Only HTTP is spoken.
    # A file has no name of its own; the account that NATS keeps a bucket in is not told to clients.
    "db.namespace": lambda span: span["db.system.name"] not in ("sqlite", "nats"),
    "db.response.status_code": lambda span: "error.type" in span,
    "rpc.method": lambda span: True,
    "rpc.method_original": lambda span: span["rpc.method"] == "_OTHER",
    "server.port": lambda span: "server.address" in span,
}

Finding = collections.namedtuple("Finding", "level kind signal message")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, process, log):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"weaver ended before it listened, see {log}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"weaver does not listen, see {log}")


def live_check(weaver, folder, program):
    """Weaver's report about what the program sent."""
    port, admin = free_port(), free_port()
    log = folder / "weaver.log"
    command = [weaver, "registry", "live-check", "--registry", REGISTRY, "--include-unreferenced"]
    command += ["--skip-policies", "--no-stream", "--format", "json", "--output", folder / "report"]
    command += ["--otlp-grpc-address", "127.0.0.1", "--otlp-grpc-port", str(port)]
    command += ["--admin-port", str(admin), "--inactivity-timeout", "600"]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        wait_for(port, process, log)
        environment = os.environ | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
        subprocess.run(program, check=True, env=environment)
        urllib.request.urlopen(f"http://127.0.0.1:{admin}/stop", data=b"").close()
        process.wait(timeout=READY_SECONDS)
    finally:
        process.kill()
        process.wait()
    return json.loads((folder / "report" / "live_check.json").read_text())


def resolve(weaver, folder):
    """The groups of the registry, by their ids, with everything they inherit."""
    output = folder / "resolved.json"
    command = [weaver, "registry", "resolve", "--registry", "semantic-conventions/model", "--skip-policies"]
    subprocess.run([*command, "--format", "json", "--output", output], cwd=folder, check=True, capture_output=True)
    return {group["id"]: group for group in json.loads(output.read_text())["groups"]}


def advice(node):
    """What weaver has to say, anywhere in its report."""
    if isinstance(node, dict):
        for found in (node.get("live_check_result") or {}).get("all_advice") or []:
            yield found
        for value in node.values():
            yield from advice(value)
    elif isinstance(node, list):
        for value in node:
            yield from advice(value)


def convention_of(span, attributes, groups):
    """The group of the registry that describes this span."""
    kind = span["kind"]
    if "http.request.method" in attributes:
        return groups.get(f"span.http.{kind}")
    if "db.client.connection.pool.name" in attributes:
        return None  # A wait for a connection, not an operation.
    if system := attributes.get("db.system.name"):
        name = {"sqlite": "sql", "microsoft.sql_server": "sql_server"}.get(system, system)
        return groups.get(f"span.db.{name}.client") or groups["span.db.client"]
    if system := attributes.get("rpc.system.name"):
        return groups.get(f"span.rpc.{system}.call.{kind}")
    if system := attributes.get("messaging.system"):
        operation = f"{attributes.get('messaging.operation.type')}.{kind}"
        return groups.get(f"span.messaging.{system}.{operation}") or groups.get(f"span.messaging.{operation}")
    return None


def expected_name(attributes):
    """What the conventions call the span; None where they leave room."""
    if method := attributes.get("http.request.method"):
        method = "HTTP" if method == "_OTHER" else method
        route = attributes.get("http.route")
        return f"{method} {route}" if route else method
    if system := attributes.get("db.system.name"):
        named = attributes.get("db.query.summary") or attributes.get("db.operation.name") or system
        collection = attributes.get("db.collection.name")
        return f"{named} {collection}" if collection and "db.query.summary" not in attributes else named
    if system := attributes.get("rpc.system.name"):
        method = attributes.get("rpc.method", "_OTHER")
        return system if method == "_OTHER" else method
    if attributes.get("messaging.system") == "nats" or "event_id" in attributes:
        return None  # Names of our own: `<subject> publish`, and those of the outbox.
    if operation := attributes.get("messaging.operation.name"):
        target = attributes.get("messaging.destination.template") or attributes.get("messaging.destination.name")
        return f"{operation} {target}"
    return None


def level_of(attribute):
    """The requirement level, and its condition."""
    level = attribute["requirement_level"]
    if isinstance(level, str):
        return level, ""
    return next(iter(level.items()))


def judge_span(span, groups):
    attributes = {a["name"]: a["value"] for a in span["attributes"]}
    group = convention_of(span, attributes, groups)
    if group is None:
        return
    where = group["id"]
    if (kind := group.get("span_kind")) and kind != span["kind"]:
        yield Finding("violation", "span_kind", where, f"kind is {span['kind']}, not {kind}")
    if (name := expected_name(attributes)) and name != span["name"]:
        yield Finding("violation", "span_name", where, f"'{span['name']}' is not called '{name}'")
    failed = (span.get("status") or {}).get("code") == "error"
    if failed != ("error.type" in attributes):
        yield Finding("violation", "error_type", where, f"status error: {failed}, error.type: {attributes.get('error.type')}")
    known = {a["name"] for a in group["attributes"]}
    for attribute in group["attributes"]:
        level, condition = level_of(attribute)
        optional = "template[" in str(attribute["type"]) or attribute["name"] == "error.type"
        if optional or attribute["name"] in attributes:
            continue
        needed = CONDITIONS.get(attribute["name"]) if level == "conditionally_required" else None
        if level == "required" or (needed and needed(attributes)):
            yield Finding("violation", f"span_{level}", where, f"'{attribute['name']}' is absent")
        elif needed:
            continue
        elif level in ("conditionally_required", "recommended"):
            condition = " ".join(str(condition).split())[:120]
            condition = f": {condition}" if condition else ""
            yield Finding("information", f"span_{level}", where, f"'{attribute['name']}' is absent{condition}")
    for name in attributes.keys() - known - {"db.system.name", "rpc.system.name", "messaging.system"}:
        yield Finding("information", "span_beyond", where, f"'{name}' is not part of this convention")


def findings(report, groups):
    for found in advice(report["samples"]):
        signal = f"{found.get('signal_type')} {found.get('signal_name')}"
        yield Finding(found["level"], found["id"], signal, found["message"])
    for sample in report["samples"]:
        if span := sample.get("span"):
            yield from judge_span(span, groups)


def show(counted, everything):
    totals = collections.Counter()
    for finding, count in sorted(counted.items(), key=lambda item: (LEVELS.index(item[0].level), item[0])):
        totals[finding.level] += count
        if everything or finding.level != "information":
            print(f"{finding.level:11} {count:4} {finding.kind:32} {finding.signal:44} {finding.message}")
    print(", ".join(f"{totals[level]} of level {level}" for level in LEVELS))
    return totals


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weaver", required=True, type=pathlib.Path, help="the program of open-telemetry/weaver")
    parser.add_argument("--conventions", required=True, type=pathlib.Path, help="a checkout of open-telemetry/semantic-conventions")
    parser.add_argument("--all", action="store_true", help="show findings of level information too")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for weaver's report and log")
    parser.add_argument("program", nargs="+", help="what to judge, with its arguments")
    options = parser.parse_args()
    weaver = options.weaver.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / "semantic-conventions"
        if not link.exists():
            link.symlink_to(options.conventions.resolve())
        report = live_check(weaver, folder, options.program)
        statistics = report["statistics"]["total_entities_by_type"]
        print("judged: " + ", ".join(f"{count} {kind}" for kind, count in sorted(statistics.items())))
        counted = collections.Counter(findings(report, resolve(weaver, folder)))
    sys.exit(1 if show(counted, options.all)["violation"] else 0)


if __name__ == "__main__":
    main()
