/** The mock's memory: OTLP JSON in, native spans and logs out. */
import type { Attribute, AttributeType, Log, Metric, Span, SpanKind, Status } from "../../src/api/types.ts";
import type { KeyValue, LogsRequest, MetricsRequest, OtlpSpan, TracesRequest } from "../telemetry/otlp.ts";

export type StoredSpan = Omit<Span, "resource" | "scope" | "orphan" | "skewNs"> & {
  traceId: string;
  resource: Attribute[];
  scope: { name: string; version: string };
  source: OtlpSpan;
};

const kindNames: SpanKind[] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const statusNames: Status[] = ["unset", "ok", "error"];

export class MockStore {
  readonly traces = new Map<string, StoredSpan[]>();
  readonly logs: Log[] = [];
  readonly metrics: Metric[] = [];
  spanCount = 0;

  addTraces(request: TracesRequest) {
    for (const { resource, scopeSpans } of request.resourceSpans ?? []) {
      const attributes = attributesOf(resource?.attributes ?? []);
      for (const { scope, spans } of scopeSpans ?? []) {
        for (const span of spans ?? []) this.addSpan(span, attributes, scope);
      }
    }
  }

  private addSpan(source: OtlpSpan, resource: Attribute[], scope: { name: string; version: string }) {
    let spans = this.traces.get(source.traceId);
    if (!spans) this.traces.set(source.traceId, (spans = []));
    this.spanCount += 1;
    spans.push({
      traceId: source.traceId,
      spanId: source.spanId,
      parentSpanId: source.parentSpanId || null,
      name: source.name,
      service: serviceOf(resource),
      kind: kindNames[source.kind] ?? "unspecified",
      startNs: source.startTimeUnixNano,
      durationNs: String(BigInt(source.endTimeUnixNano) - BigInt(source.startTimeUnixNano)),
      status: statusNames[source.status?.code ?? 0] ?? "unset",
      statusMessage: source.status?.message ?? "",
      traceState: "",
      attributes: attributesOf(source.attributes),
      events: source.events.map((event) => ({ timeNs: event.timeUnixNano, name: event.name, attributes: attributesOf(event.attributes) })),
      links: source.links.map((link) => ({ ...link, attributes: attributesOf(link.attributes) })),
      resource,
      scope,
      source,
    });
  }

  /** Only gauges are sent here. */
  addMetrics(request: MetricsRequest) {
    for (const { resource, scopeMetrics } of request.resourceMetrics ?? []) {
      const services = [serviceOf(attributesOf(resource.attributes))];
      const lastNs = String(BigInt(Date.now()) * 1_000_000n);
      for (const { name, unit, description } of scopeMetrics.flatMap((scope) => scope.metrics)) {
        this.metrics.push({ name, unit, description, kind: "gauge", services, series: 1, points: 1, lastNs });
      }
    }
  }

  addLogs(request: LogsRequest) {
    for (const { resource, scopeLogs } of request.resourceLogs ?? []) {
      const attributes = attributesOf(resource?.attributes ?? []);
      for (const { logRecords } of scopeLogs ?? []) {
        for (const log of logRecords ?? []) {
          this.logs.push({
            timeNs: log.timeUnixNano,
            severityNumber: log.severityNumber,
            severityText: log.severityText,
            service: serviceOf(attributes),
            body: (log.body as { stringValue?: string }).stringValue ?? "",
            traceId: log.traceId ?? "",
            spanId: log.spanId ?? "",
            attributes: attributesOf(log.attributes),
            resource: attributes,
          });
        }
      }
    }
  }
}

function serviceOf(attributes: Attribute[]): string {
  return String(attributes.find((attribute) => attribute.key === "service.name")?.value ?? "");
}

export function attributesOf(list: KeyValue[]): Attribute[] {
  return list.map(({ key, value }) => ({ key, ...plain(value) }));
}

function plain(value: Record<string, unknown>): { type: AttributeType; value: unknown } {
  if ("stringValue" in value) return { type: "string", value: value.stringValue };
  if ("boolValue" in value) return { type: "bool", value: value.boolValue };
  if ("intValue" in value) return { type: "int", value: String(value.intValue) };
  if ("doubleValue" in value) return { type: "double", value: value.doubleValue };
  if ("arrayValue" in value) {
    const { values } = value.arrayValue as { values: Record<string, unknown>[] };
    return { type: "array", value: JSON.stringify(values.map((item) => plain(item).value)) };
  }
  if ("kvlistValue" in value) {
    const { values } = value.kvlistValue as { values: KeyValue[] };
    return { type: "map", value: JSON.stringify(Object.fromEntries(values.map((item) => [item.key, plain(item.value).value]))) };
  }
  return { type: "null", value: null };
}
