import type { Window } from "../api/client";
import type { TraceSummary } from "../api/types";
import { msOf } from "../time/format";

export type Point = { index: number; x: number; y: number; error: boolean };

/** Seconds and milliseconds, oldest first as uPlot wants its x. */
export function pointsOf(traces: TraceSummary[]): Point[] {
  const points = traces.map((trace, index) => ({
    index,
    x: msOf(trace.startNs) / 1000,
    y: Math.max(0.001, Number(trace.durationNs) / 1e6),
    error: trace.errorCount > 0,
  }));
  return points.sort((a, b) => a.x - b.x);
}

/** The y range of a log axis: whole decades around the data. */
export function decades(points: Point[]): [number, number] {
  if (points.length === 0) return [1, 1000];
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (const { y } of points) {
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  const from = 10 ** Math.floor(Math.log10(low));
  const to = 10 ** Math.ceil(Math.log10(high * 1.05));
  return to <= from ? [from, from * 10] : [from, to];
}

/** Where the axis writes: each decade, or every second one when there are many. */
export function decadeSplits(low: number, high: number): number[] {
  const from = Math.round(Math.log10(low));
  const to = Math.round(Math.log10(high));
  const step = to - from > 4 ? 2 : 1;
  const splits: number[] = [];
  for (let power = from; power <= to; power += step) splits.push(10 ** power);
  return splits;
}

export function decadeLabel(ms: number): string {
  if (ms >= 1000) return `${Math.round(ms / 1000)} s`;
  return ms >= 1 ? `${Math.round(ms)} ms` : `${Math.round(ms * 1000)} µs`;
}

/** The time shown: all that was asked for, or from the oldest trace on when the answer stopped at its limit. */
export function shownWindow(points: Point[], asked: Window, complete: boolean): Window {
  const oldest = (points[0]?.x ?? 0) * 1000;
  if (complete || points.length < 2 || oldest <= asked.start) return asked;
  return { start: oldest - (asked.end - oldest) * 0.02, end: asked.end };
}

/** The point nearest to the cursor within `reach` pixels. */
export function nearest(places: { left: number; top: number }[], left: number, top: number, reach: number): number {
  let best = -1;
  let least = reach * reach;
  for (const [at, place] of places.entries()) {
    const distance = (place.left - left) ** 2 + (place.top - top) ** 2;
    if (distance <= least) {
      least = distance;
      best = at;
    }
  }
  return best;
}
