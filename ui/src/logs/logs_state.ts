/** What the URL of the logs page says. */
import type { LogQuery, Window } from "../api/client";
import { type Range, readRange } from "../time/range";

export type LogsState = { range: Range; service: string; severity: number; contains: string; traceId: string; limit: number; live: boolean };

export const logLimits = [200, 500, 1000, 2000];

export function readLogs(parameters: URLSearchParams): LogsState {
  const limit = Number(parameters.get("limit") ?? 200);
  return {
    range: readRange(parameters),
    service: parameters.get("service") ?? "",
    severity: Number(parameters.get("severity") ?? 0) || 0,
    contains: parameters.get("contains") ?? "",
    traceId: parameters.get("traceId") ?? "",
    limit: logLimits.includes(limit) ? limit : 200,
    live: parameters.get("live") === "1",
  };
}

export function logQuery(state: LogsState, window: Window): LogQuery {
  return {
    window,
    service: state.service || undefined,
    severity: state.severity || undefined,
    contains: state.contains || undefined,
    traceId: state.traceId || undefined,
    limit: state.limit,
  };
}

export type Bucket = { start: number; counts: [number, number, number] };

/** Counts a bar per slice of the window: below warning, warning, error and above. */
export function histogram(times: { ms: number; severity: number }[], window: Window, bars: number): Bucket[] {
  const width = (window.end - window.start) / bars;
  const buckets: Bucket[] = Array.from({ length: bars }, (_, at) => ({ start: window.start + at * width, counts: [0, 0, 0] }));
  for (const { ms, severity } of times) {
    const bucket = buckets[Math.floor((ms - window.start) / width)];
    if (bucket) bucket.counts[severity >= 17 ? 2 : severity >= 13 ? 1 : 0] += 1;
  }
  return buckets;
}
