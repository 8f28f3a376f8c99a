/** Builds OTLP JSON: what the generated data is sent as, to the mock and to a real server alike. */

export type Plain = string | number | boolean | Plain[] | { [key: string]: Plain };
export type Attributes = Record<string, Plain>;

type AnyValue = Record<string, unknown>;
export type KeyValue = { key: string; value: AnyValue };

export type OtlpSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: KeyValue[];
  events: { timeUnixNano: string; name: string; attributes: KeyValue[] }[];
  links: { traceId: string; spanId: string; attributes: KeyValue[] }[];
  status: { code: number; message?: string };
};

export type OtlpLog = {
  timeUnixNano: string;
  observedTimeUnixNano: string;
  severityNumber: number;
  severityText: string;
  body: AnyValue;
  attributes: KeyValue[];
  traceId?: string;
  spanId?: string;
};

type Scope = { name: string; version: string };
export type TracesRequest = {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { scope: Scope; spans: OtlpSpan[] }[] }[];
};
export type LogsRequest = {
  resourceLogs: { resource: { attributes: KeyValue[] }; scopeLogs: { scope: Scope; logRecords: OtlpLog[] }[] }[];
};

export type MetricsRequest = {
  resourceMetrics: {
    resource: { attributes: KeyValue[] };
    scopeMetrics: { scope: Scope; metrics: { name: string; unit: string; description: string; gauge: { dataPoints: unknown[] } }[] }[];
  }[];
};

/** One gauge with one point: enough to be listed. */
export function gauge(service: string, name: string, unit: string, value: number, atMs: number): MetricsRequest {
  const time = nanos(atMs);
  const dataPoints = [{ asDouble: value, timeUnixNano: time, startTimeUnixNano: time, attributes: [] }];
  const metric = { name, unit, description: "A gauge of the tests.", gauge: { dataPoints } };
  return { resourceMetrics: [{ resource: { attributes: keyValues(resourceOf(service)) }, scopeMetrics: [{ scope: { name: service, version: "" }, metrics: [metric] }] }] };
}

export function anyValue(value: Plain): AnyValue {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { kvlistValue: { values: keyValues(value) } };
}

export function keyValues(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

export const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;

/** Milliseconds with a fraction to nanoseconds, exact to the microsecond. */
export function nanos(ms: number): string {
  const whole = Math.floor(ms);
  const rest = Math.round((ms - whole) * 1e6);
  return String(BigInt(whole) * 1_000_000n + BigInt(rest));
}

export function resourceOf(service: string): Attributes {
  return {
    "service.name": service,
    "service.version": "2.4.1",
    "service.instance.id": `${service}-7c9f`,
    "deployment.environment.name": "staging",
    "host.name": "node-3",
    "telemetry.sdk.language": service === "catalogue" ? "java" : "rust",
    "telemetry.sdk.name": "opentelemetry",
  };
}

/** Seeded, so that every run shows the same system. */
export class Random {
  constructor(private state: number) {}

  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T;
  }

  /** Skewed to the right, as latencies are. */
  latency(typicalMs: number): number {
    const spread = Math.exp((this.next() + this.next() + this.next() - 1.5) * 0.9);
    return typicalMs * spread;
  }

  hex(bytes: number): string {
    let text = "";
    for (let i = 0; i < bytes; i += 1) text += Math.floor(this.next() * 256).toString(16).padStart(2, "0");
    return text;
  }
}
