/** Shapes of the native API. Nanosecond times are decimal strings: they do not fit a double. */

export type AttributeType = "string" | "int" | "double" | "bool" | "bytes" | "array" | "map" | "null";
/** Integers come as text, being up to 64 bits wide; bytes, arrays and maps as JSON text. */
export type Attribute = { key: string; type: AttributeType; value: unknown };

export type ServiceCount = { name: string; spanCount: number; errorCount: number };

export type Status = "unset" | "ok" | "error";
export type SpanKind = "server" | "client" | "producer" | "consumer" | "internal" | "unspecified";

export type MatchedSpan = {
  spanId: string;
  name: string;
  service: string;
  startNs: string;
  durationNs: string;
  status: Status;
};

export type TraceSummary = {
  traceId: string;
  rootService: string;
  rootName: string;
  startNs: string;
  durationNs: string;
  spanCount: number;
  errorCount: number;
  services: ServiceCount[];
  matched: number;
  spans: MatchedSpan[];
};

export type SearchStats = { inspectedSpans: number; inspectedBytes: number; elapsedMs: number };
export type SearchResult = { traces: TraceSummary[]; complete: boolean; stats: SearchStats };

export type SpanEvent = { timeNs: string; name: string; attributes: Attribute[] };
export type SpanLink = { traceId: string; spanId: string; attributes: Attribute[] };

export type Span = {
  spanId: string;
  parentSpanId: string | null;
  name: string;
  service: string;
  kind: SpanKind;
  startNs: string;
  durationNs: string;
  status: Status;
  statusMessage: string;
  traceState: string;
  resource: number;
  scope: number;
  attributes: Attribute[];
  events: SpanEvent[];
  links: SpanLink[];
  orphan: boolean;
  skewNs: string;
};

export type Trace = {
  traceId: string;
  startNs: string;
  endNs: string;
  resources: { attributes: Attribute[]; service: string }[];
  scopes: { name: string; version: string }[];
  /** Depth first, children by start time. */
  spans: Span[];
  linkedFrom: { traceId: string; spanId: string; targetSpanId: string }[];
  criticalPath: { spanId: string; startNs: string; endNs: string }[];
  complete: boolean;
};

export type Log = {
  timeNs: string;
  severityNumber: number;
  severityText: string;
  service: string;
  body: unknown;
  traceId: string | null;
  spanId: string | null;
  attributes: Attribute[];
  resource: Attribute[];
};
export type LogResult = { logs: Log[]; complete: boolean };

export type Metric = {
  name: string;
  kind: string;
  unit: string;
  description: string;
  services: string[];
  series: number;
  points: number;
  lastNs: string;
};

export type ServerStatus = {
  version: string;
  uptimeSeconds: number;
  dataDir: string;
  receivers: { name: string; address: string }[];
  store: { spans: number; logs: number; points: number; bytes: number; segments: number; oldestNs: string | null };
  accepted: { spans: number; logs: number; points: number };
};

export type TagScopes = { scopes: { name: string; tags: string[] }[] };
export type TagValues = { tagValues: { type: string; value: string }[] };
