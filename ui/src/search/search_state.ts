/** What the URL of the search page says. */
import type { TraceSummary } from "../api/types";
import { type Range, readRange } from "../time/range";

export const sorts = {
  newest: "Newest first",
  longest: "Longest first",
  spans: "Most spans",
  errors: "Most errors",
} as const;
export type Sort = keyof typeof sorts;

export const limits = [20, 50, 100, 200, 500, 1000];

export type SearchState = { query: string; range: Range; sort: Sort; limit: number; live: boolean };

export function readSearch(parameters: URLSearchParams): SearchState {
  const sort = parameters.get("sort") ?? "newest";
  const limit = Number(parameters.get("limit") ?? 100);
  return {
    query: parameters.get("q") ?? "{ }",
    range: readRange(parameters),
    sort: sort in sorts ? (sort as Sort) : "newest",
    limit: limits.includes(limit) ? limit : 100,
    live: parameters.get("live") === "1",
  };
}

export function isEverything(query: string): boolean {
  return /^\s*(\{\s*(true)?\s*\})?\s*$/.test(query);
}

const newestFirst = (a: TraceSummary, b: TraceSummary) => {
  const byTime = BigInt(b.startNs) - BigInt(a.startNs);
  if (byTime !== 0n) return byTime > 0n ? 1 : -1;
  return a.traceId < b.traceId ? -1 : 1;
};

/** Ties go by time, then id: the same answer is always in the same order. */
export function sortTraces(traces: TraceSummary[], sort: Sort): TraceSummary[] {
  const by: Record<Sort, (trace: TraceSummary) => number> = {
    newest: () => 0,
    longest: (trace) => Number(trace.durationNs),
    spans: (trace) => trace.spanCount,
    errors: (trace) => trace.errorCount,
  };
  const measure = by[sort];
  return traces.toSorted((a, b) => measure(b) - measure(a) || newestFirst(a, b));
}

/** Width of a duration bar, 0 to 1, on a log scale between the shortest and the longest shown. */
export function durationShare(ns: number, shortest: number, longest: number): number {
  if (longest <= 0) return 0;
  const low = Math.log10(Math.max(1, shortest));
  const high = Math.log10(Math.max(10, longest));
  const share = (Math.log10(Math.max(1, ns)) - low) / Math.max(0.3, high - low);
  return Math.min(1, Math.max(0.02, share));
}
