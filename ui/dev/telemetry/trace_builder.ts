import { type Attributes, keyValues, kinds, type LogsRequest, nanos, type OtlpLog, type OtlpSpan, type Random, resourceOf, type TracesRequest } from "./otlp.ts";

export type Draft = {
  service: string;
  name: string;
  kind?: keyof typeof kinds;
  /** Absent: a root. */
  parent?: string;
  /** Milliseconds since the trace's start. */
  at: number;
  ms: number;
  attributes?: Attributes;
  events?: { at: number; name: string; attributes?: Attributes }[];
  links?: { traceId: string; spanId: string; attributes?: Attributes }[];
  error?: string;
  ok?: boolean;
};

/** One trace with its logs, grouped by service as an SDK per process would send it. */
export class TraceBuilder {
  private readonly spans = new Map<string, OtlpSpan[]>();
  private readonly logs = new Map<string, OtlpLog[]>();

  constructor(
    private readonly random: Random,
    readonly startMs: number,
    readonly traceId: string = random.hex(16),
  ) {}

  span(draft: Draft): string {
    const spanId = this.random.hex(8);
    const start = this.startMs + draft.at;
    const span: OtlpSpan = {
      traceId: this.traceId,
      spanId,
      name: draft.name,
      kind: kinds[draft.kind ?? "internal"],
      startTimeUnixNano: nanos(start),
      endTimeUnixNano: nanos(start + draft.ms),
      attributes: keyValues(draft.attributes ?? {}),
      events: (draft.events ?? []).map((event) => ({
        timeUnixNano: nanos(this.startMs + event.at),
        name: event.name,
        attributes: keyValues(event.attributes ?? {}),
      })),
      links: (draft.links ?? []).map((link) => ({ ...link, attributes: keyValues(link.attributes ?? {}) })),
      status: draft.error === undefined ? { code: draft.ok ? 1 : 0 } : { code: 2, message: draft.error },
    };
    if (draft.parent) span.parentSpanId = draft.parent;
    group(this.spans, draft.service).push(span);
    return spanId;
  }

  log(service: string, at: number, severity: "DEBUG" | "INFO" | "WARN" | "ERROR", body: string, spanId?: string, attributes: Attributes = {}) {
    const time = nanos(this.startMs + at);
    const log: OtlpLog = {
      timeUnixNano: time,
      observedTimeUnixNano: time,
      severityNumber: { DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 }[severity],
      severityText: severity,
      body: { stringValue: body },
      attributes: keyValues(attributes),
      traceId: this.traceId,
    };
    if (spanId) log.spanId = spanId;
    group(this.logs, service).push(log);
  }

  traces(): TracesRequest {
    return {
      resourceSpans: [...this.spans].map(([service, spans]) => ({
        resource: { attributes: keyValues(resourceOf(service)) },
        scopeSpans: [{ scope: { name: `${service}.http`, version: "0.9.2" }, spans }],
      })),
    };
  }

  logRequest(): LogsRequest {
    return {
      resourceLogs: [...this.logs].map(([service, logRecords]) => ({
        resource: { attributes: keyValues(resourceOf(service)) },
        scopeLogs: [{ scope: { name: service, version: "" }, logRecords }],
      })),
    };
  }
}

function group<T>(map: Map<string, T[]>, key: string): T[] {
  let list = map.get(key);
  if (!list) map.set(key, (list = []));
  return list;
}
