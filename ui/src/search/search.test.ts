import { expect, test } from "vitest";
import type { TraceSummary } from "../api/types";
import { histogram } from "../logs/logs_state";
import { visibleRange } from "../parts/virtual_rows";
import { decadeLabel, decades, decadeSplits, nearest, pointsOf, shownWindow } from "./scatter_data";
import { reachable } from "./receiver_address";
import { durationShare, isEverything, readSearch, sortTraces } from "./search_state";

function trace(id: string, startMs: number, durationMs: number, spanCount = 1, errorCount = 0): TraceSummary {
  return { traceId: id, rootService: "s", rootName: "n", startNs: `${startMs}000000`, durationNs: `${durationMs}000000`, spanCount, errorCount, services: [], matched: 1, spans: [] };
}

const traces = [trace("a", 1000, 5, 3), trace("b", 3000, 50, 1, 2), trace("c", 2000, 5, 9)];
const ids = (list: TraceSummary[]) => list.map((t) => t.traceId).join("");

test("sorting is total: ties go newest first, then by id", () => {
  expect(ids(sortTraces(traces, "newest"))).toBe("bca");
  expect(ids(sortTraces(traces, "longest"))).toBe("bca");
  expect(ids(sortTraces(traces, "spans"))).toBe("cab");
  expect(ids(sortTraces(traces, "errors"))).toBe("bca");
  expect(ids(sortTraces([trace("y", 1, 1), trace("x", 1, 1)], "newest"))).toBe("xy");
});

test("the address holds the search, and odd values fall back", () => {
  expect(readSearch(new URLSearchParams("q={ status = error }&sort=longest&limit=20&live=1"))).toMatchObject({ query: "{ status = error }", sort: "longest", limit: 20, live: true });
  expect(readSearch(new URLSearchParams("sort=best&limit=7"))).toMatchObject({ query: "{ }", sort: "newest", limit: 100, live: false });
});

test("an empty filter is everything", () => {
  expect(["", "{}", " { } ", "{ true }"].every(isEverything)).toBe(true);
  expect(isEverything("{ a = 1 }")).toBe(false);
});

test("bars are never invisible and never too long", () => {
  expect(durationShare(1e6, 1e6, 1e9)).toBeCloseTo(0.02);
  expect(durationShare(1e9, 1e6, 1e9)).toBe(1);
  expect(durationShare(5, 5, 5)).toBeGreaterThan(0);
});

test("points come oldest first and remember their trace", () => {
  expect(pointsOf(traces).map((point) => [point.index, point.x])).toEqual([[0, 1], [2, 2], [1, 3]]);
  expect(pointsOf(traces)[2]?.error).toBe(true);
});

test("the duration axis spans whole decades", () => {
  expect(decades(pointsOf(traces))).toEqual([1, 100]);
  expect(decades([])).toEqual([1, 1000]);
  expect(decadeSplits(1, 1000)).toEqual([1, 10, 100, 1000]);
  expect([0.1, 1, 100_000].map(decadeLabel)).toEqual(["100 µs", "1 ms", "100 s"]);
});

test("a cut answer is drawn from its oldest trace on", () => {
  const asked = { start: 0, end: 4000 };
  expect(shownWindow(pointsOf(traces), asked, true)).toBe(asked);
  expect(shownWindow(pointsOf(traces), asked, false)).toEqual({ start: 940, end: 4000 });
});

test("the nearest point within reach is hit, none beyond it", () => {
  const places = [{ left: 0, top: 0 }, { left: 10, top: 0 }];
  expect(nearest(places, 7, 0, 14)).toBe(1);
  expect(nearest(places, 60, 0, 14)).toBe(-1);
});

test("virtual rows cover the view with room to spare, and stay within the list", () => {
  const place = { scrollTop: 0, viewHeight: 600, rowHeight: 24, count: 1000, overscan: 12, moved: 0 };
  expect(visibleRange(place)).toEqual({ first: 0, last: 43 });
  const middle = visibleRange({ ...place, scrollTop: 12_000 });
  expect(middle.first).toBeLessThanOrEqual(500 - 12);
  expect(middle.last).toBeGreaterThanOrEqual(525 + 6);
  expect(visibleRange({ ...place, scrollTop: 1e9, count: 10 })).toEqual({ first: 10, last: 10 });
});

test("a fast scroll finds its rows ready in the direction it goes", () => {
  const place = { scrollTop: 12_000, viewHeight: 600, rowHeight: 24, count: 1000, overscan: 12 };
  const still = visibleRange({ ...place, moved: 0 });
  expect(visibleRange({ ...place, moved: 480 })).toEqual({ first: still.first, last: still.last + 18 });
  expect(visibleRange({ ...place, moved: -480 })).toEqual({ first: still.first - 18, last: still.last });
});

test("records are counted by time and severity, outside times not at all", () => {
  const buckets = histogram([{ ms: 5, severity: 9 }, { ms: 15, severity: 13 }, { ms: 15, severity: 17 }, { ms: 99, severity: 9 }], { start: 0, end: 20 }, 2);
  expect(buckets.map((bucket) => bucket.counts)).toEqual([[1, 0, 0], [0, 1, 1]]);
});

test("a receiver on loopback or on every address is reached through the page's own host", () => {
  expect(reachable("127.0.0.1:4318", "box")).toBe("box:4318");
  expect(reachable("0.0.0.0:4318", "box")).toBe("box:4318");
  expect(reachable("[::]:4317", "box")).toBe("box:4317");
  expect(reachable(":4317", "box")).toBe("box:4317");
  expect(reachable("10.1.2.3:4317", "box")).toBe("10.1.2.3:4317");
});
