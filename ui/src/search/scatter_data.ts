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
