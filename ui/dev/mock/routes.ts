import type { Attribute, LogResult, Metric, SearchResult, ServerStatus, ServiceCount, TagScopes, TagValues, TraceSummary } from "../../src/api/types.ts";
import { compile, fieldValue } from "./evaluate.ts";
import type { MockStore, StoredSpan } from "./store.ts";

function windowOf(p: URLSearchParams): (ns: string) => boolean {
  const start = BigInt(p.get("start") ?? 0) * 1_000_000_000n;
  const end = BigInt(p.get("end") ?? "9999999999") * 1_000_000_000n;
  return (ns) => BigInt(ns) >= start && BigInt(ns) < end;
}

const newest = (a: string, b: string) => (BigInt(a) > BigInt(b) ? -1 : 1);

export function search(store: MockStore, p: URLSearchParams): SearchResult {
  const matches = compile(p.get("q") || "{}");
  const within = windowOf(p);
  const limit = Number(p.get("limit") ?? 20);
  const began = performance.now();
  const found: TraceSummary[] = [];
  for (const spans of store.traces.values()) {
    const hits = spans.filter((span) => within(span.startNs) && matches(span));
    if (hits.length > 0) found.push(summary(spans, hits));
  }
  found.sort((a, b) => newest(a.startNs, b.startNs));
  const stats = { inspectedSpans: store.spanCount, inspectedBytes: store.spanCount * 61, elapsedMs: performance.now() - began };
  return { traces: found.slice(0, limit), complete: found.length <= limit, stats };
}

function summary(spans: StoredSpan[], hits: StoredSpan[]): TraceSummary {
  let start = BigInt(spans[0]?.startNs ?? 0);
  let end = start;
  for (const span of spans) {
    const at = BigInt(span.startNs);
    const until = at + BigInt(span.durationNs);
    if (at < start) start = at;
    if (until > end) end = until;
  }
  const root = spans.find((span) => !span.parentSpanId) ?? spans[0];
  return {
    traceId: root?.traceId ?? "",
    rootService: root?.service ?? "",
    rootName: root?.name ?? "",
    startNs: String(start),
    durationNs: String(end - start),
    spanCount: spans.length,
    errorCount: spans.filter((span) => span.status === "error").length,
    services: countServices(spans),
    matched: hits.length,
    spans: hits.slice(0, 3).map(({ spanId, name, service, startNs, durationNs, status }) => ({ spanId, name, service, startNs, durationNs, status })),
  };
}

function countServices(spans: Iterable<StoredSpan>): ServiceCount[] {
  const counts = new Map<string, ServiceCount>();
  for (const span of spans) {
    let count = counts.get(span.service);
    if (!count) counts.set(span.service, (count = { name: span.service, spanCount: 0, errorCount: 0 }));
    count.spanCount += 1;
    if (span.status === "error") count.errorCount += 1;
  }
  return [...counts.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const everything = (store: MockStore) => [...store.traces.values()].flat();

export const services = (store: MockStore) => ({ services: countServices(everything(store)) });

export function operations(store: MockStore, p: URLSearchParams) {
  const service = p.get("service");
  const names = everything(store).filter((span) => !service || span.service === service);
  return { operations: [...new Set(names.map((span) => span.name))].sort().map((name) => ({ name })) };
}

export function logs(store: MockStore, p: URLSearchParams): LogResult {
  const within = windowOf(p);
  const limit = Number(p.get("limit") ?? 100);
  const contains = p.get("contains")?.toLowerCase();
  const found = store.logs.filter(
    (log) =>
      within(log.timeNs) &&
      (!p.get("service") || log.service === p.get("service")) &&
      log.severityNumber >= Number(p.get("severity") ?? 0) &&
      (!contains || String(log.body).toLowerCase().includes(contains)) &&
      (!p.get("traceId") || log.traceId === p.get("traceId")),
  );
  found.sort((a, b) => newest(a.timeNs, b.timeNs));
  return { logs: found.slice(0, limit), complete: found.length <= limit };
}

export function metrics(store: MockStore): { metrics: Metric[] } {
  const now = String(BigInt(Date.now()) * 1_000_000n);
  const row = (name: string, kind: string, unit: string, description: string, names: string[], series: number): Metric => ({ name, kind, unit, description, services: names, series, points: series * 240, lastNs: now });
  return {
    metrics: [
      ...store.metrics,
      row("http.server.request.duration", "histogram", "s", "Duration of HTTP server requests.", ["accounts", "catalogue", "gateway", "orders"], 64),
      row("http.server.active_requests", "sum", "{request}", "Number of active HTTP server requests.", ["accounts", "gateway"], 12),
      row("http.client.request.duration", "histogram", "s", "Duration of HTTP client requests.", ["gateway", "payments"], 18),
      row("db.client.connection.count", "sum", "{connection}", "Connections in the pool by state.", ["catalogue", "orders"], 6),
      row("process.cpu.utilization", "gauge", "1", "Share of the CPU this process uses.", ["accounts", "catalogue", "gateway", "inventory", "mailer", "orders", "payments"], 7),
      row("process.memory.usage", "gauge", "By", "Physical memory in use.", ["accounts", "catalogue", "gateway", "inventory", "mailer", "orders", "payments"], 7),
      row("orders.placed", "sum", "{order}", "Orders that were placed.", ["orders"], 3),
      row("payments.amount", "exponential_histogram", "EUR", "Amounts charged.", ["payments"], 2),
    ],
  };
}

export function status(store: MockStore): ServerStatus {
  const spans = store.spanCount;
  const oldest = everything(store).reduce((least, span) => (least === "" || BigInt(span.startNs) < BigInt(least) ? span.startNs : least), "");
  return {
    version: "0.1.0-mock",
    uptimeSeconds: Math.round(process.uptime()),
    dataDir: "./throughline-data",
    receivers: [
      { name: "otlp/grpc", address: "127.0.0.1:4317" },
      { name: "otlp/http", address: "127.0.0.1:4318" },
    ],
    store: { spans, logs: store.logs.length, points: 28_560, bytes: spans * 61, segments: 4, oldestNs: oldest || null },
    accepted: { spans, logs: store.logs.length, points: 28_560 },
  };
}

function matching(store: MockStore, p: URLSearchParams): StoredSpan[] {
  const matches = compile(p.get("q") || "{}");
  return [...store.traces.values()].filter((spans) => spans.length < 1000).flat().filter(matches);
}

export function tagNames(store: MockStore, p: URLSearchParams): TagScopes {
  const spans = matching(store, p);
  const keys = (pick: (span: StoredSpan) => Attribute[]) => [...new Set(spans.flatMap((span) => pick(span).map((a) => a.key)))].sort();
  return {
    scopes: [
      { name: "span", tags: keys((span) => span.attributes) },
      { name: "resource", tags: keys((span) => span.resource) },
      { name: "event", tags: keys((span) => span.events.flatMap((event) => event.attributes)) },
      { name: "intrinsic", tags: ["duration", "kind", "name", "status", "statusMessage"] },
    ],
  };
}

export function tagValues(store: MockStore, tag: string, p: URLSearchParams): TagValues {
  const values = new Map<string, string>();
  for (const span of matching(store, p)) {
    const value = fieldValue(span, tag);
    if (value === undefined || typeof value === "object") continue;
    const keyword = tag === "status" || tag === "kind";
    const type = keyword ? "keyword" : typeof value === "number" ? "int" : typeof value === "boolean" ? "bool" : "string";
    values.set(String(value), type);
  }
  return { tagValues: [...values].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, 200).map(([value, type]) => ({ type, value })) };
}
