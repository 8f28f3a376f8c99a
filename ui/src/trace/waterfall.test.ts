import { expect, test } from "vitest";
import type { Span, Trace } from "../api/types";
import { barOf } from "./bar";
import { collapseAll, collapseExcept, placeLogs, visibleRows } from "./rows";
import { operationRows, sortOperations } from "./statistics";
import { ancestors, buildTree } from "./tree";
import { clampView, including, pan, readView, ticks, viewText, zoomBy } from "./view";

const base = 1_700_000_000_000_000_000n;

/** `id<parent start+duration`, in milliseconds. */
function span(text: string): Span {
  const [, id = "", parent = "", start = "0", duration = "0"] = /^(\w+)(?:<(\w+))? (-?\d+)\+(\d+)$/.exec(text) ?? [];
  const empty = { name: id, service: "s", kind: "internal", status: "unset", statusMessage: "", traceState: "", resource: 0, scope: 0, attributes: [], events: [], links: [], orphan: false, skewNs: "0" } as const;
  return { ...empty, attributes: [], events: [], links: [], spanId: id, parentSpanId: parent || null, startNs: String(base + BigInt(start) * 1_000_000n), durationNs: String(BigInt(duration) * 1_000_000n) };
}

function tree(...spans: string[]) {
  const trace: Trace = { traceId: "1", startNs: String(base), endNs: String(base), resources: [], scopes: [], spans: spans.map(span), linkedFrom: [], criticalPath: [], complete: true };
  return buildTree(trace);
}

const names = (t: ReturnType<typeof tree>, rows: number[]) => rows.map((row) => (row < 0 ? `log${-1 - row}` : t.spans[row]?.spanId));

test("spans come depth first with children by start, whatever the order sent", () => {
  const t = tree("d<b 6+1", "a 0+10", "c<a 5+4", "b<a 1+3");
  expect(t.spans.map((s) => s.spanId)).toEqual(["a", "b", "d", "c"]);
  expect([...t.depth]).toEqual([0, 1, 2, 1]);
  expect([...t.parent]).toEqual([-1, 0, 1, 0]);
  expect([...t.subtreeEnd]).toEqual([4, 3, 3, 4]);
  expect(ancestors(t, 2)).toEqual([1, 0]);
});

test("an orphan stands at the top level, a cycle ends as a root, nothing is lost", () => {
  const t = tree("a 0+10", "o<lost 3+2", "p<o 4+1", "x<y 5+1", "y<x 6+1");
  expect(t.spans).toHaveLength(5);
  expect(t.spans.map((s, row) => `${s.spanId}${t.depth[row]}`)).toEqual(["a0", "o0", "p1", "x0", "y1"]);
});

test("time begins at the earliest span, even when that is not the root", () => {
  const t = tree("a 0+10", "b<a -180+5");
  expect(t.base).toBe(base - 180_000_000n);
  expect(t.start[0]).toBe(180e6);
  expect(t.total).toBe(190e6);
});

test("own time leaves out what children cover, overlaps once", () => {
  const t = tree("a 0+10", "b<a 1+4", "c<a 3+4", "d<a 9+5");
  expect(t.self[0]).toBe(3e6);
});

test("a collapsed row hides its subtree and nothing else", () => {
  const t = tree("a 0+10", "b<a 1+3", "c<b 2+1", "d<a 5+4");
  expect(names(t, visibleRows(t, new Set([1])))).toEqual(["a", "b", "d"]);
  expect(names(t, visibleRows(t, new Set([0])))).toEqual(["a"]);
  expect(names(t, visibleRows(t, collapseAll(t)))).toEqual(["a", "b", "d"]);
});

test("collapsing to the errors keeps their path open", () => {
  const t = tree("a 0+10", "b<a 1+3", "c<b 2+1", "d<a 5+4", "e<d 6+1");
  expect(names(t, visibleRows(t, collapseExcept(t, [2])))).toEqual(["a", "b", "c", "d"]);
});

test("logs stand under their span in time order, and without a span under the first", () => {
  const t = tree("a 0+10", "b<a 1+3");
  const log = (spanId: string, ms: number) => ({ timeNs: String(base + BigInt(ms) * 1_000_000n), severityNumber: 9, severityText: "", service: "s", body: "", traceId: "1", spanId, attributes: [], resource: [] });
  const { bySpan, placed } = placeLogs(t, [log("b", 4), log("b", 2), log("", 9)]);
  expect(placed.map((p) => p.at)).toEqual([2e6, 4e6, 9e6]);
  expect(names(t, visibleRows(t, new Set(), bySpan))).toEqual(["a", "log2", "b", "log0", "log1"]);
});

test("50,000 spans in one chain are laid out without recursion", () => {
  const spans = Array.from({ length: 50_000 }, (_, n) => (n === 0 ? "s0 0+50000" : `s${n}<s${n - 1} ${n}+${50_000 - n}`));
  const t = tree(...spans);
  expect(t.maxDepth).toBe(49_999);
  expect(t.subtreeEnd[1]).toBe(50_000);
});

test("zoom keeps the point under the pointer, and stays inside the trace", () => {
  const view = zoomBy({ from: 0, to: 1000 }, 0.5, 250, 1000);
  expect(view).toEqual({ from: 125, to: 625 });
  expect(clampView({ from: -50, to: 2000 }, 1000)).toEqual({ from: 0, to: 1000 });
  expect(pan({ from: 800, to: 900 }, 500, 1000)).toEqual({ from: 900, to: 1000 });
  expect(including({ from: 0, to: 100 }, 50, 10, 1000)).toEqual({ from: 0, to: 100 });
  expect(including({ from: 0, to: 100 }, 500, 10, 1000)).toEqual({ from: 470, to: 570 });
});

test("the zoom survives the address", () => {
  const view = { from: 1_000_000, to: 5_000_000 };
  expect(readView(viewText(view, 1e9) ?? null, 1e9)).toEqual(view);
  expect(viewText({ from: 0, to: 1e9 }, 1e9)).toBeUndefined();
  expect(readView("nonsense", 1e9)).toEqual({ from: 0, to: 1e9 });
});

test("ticks are round and inside the view", () => {
  expect(ticks({ from: 0, to: 500e6 }, 5).map((tick) => tick.label)).toEqual(["0", "100 ms", "200 ms", "300 ms", "400 ms"]);
  expect(ticks({ from: 10e9, to: 10.2e9 }, 4).map((tick) => tick.label)).toEqual(["10.00 s", "10.05 s", "10.10 s", "10.15 s"]);
  expect(ticks({ from: 0, to: 900 }, 3).map((tick) => tick.label)).toEqual(["0", "500 ns"]);
});

test("a bar's label goes where there is room", () => {
  const view = { from: 0, to: 100 };
  expect(barOf(10, 20, view)).toMatchObject({ left: 10, width: 20, label: "after" });
  expect(barOf(50, 50, view)).toMatchObject({ label: "before" });
  expect(barOf(0, 100, view)).toMatchObject({ label: "inside" });
  expect(barOf(150, 10, view).outside).toBe("right");
  expect(barOf(-50, 200, view)).toMatchObject({ left: 0, width: 100 });
});

test("operations sum up own time, counts and errors, and know their longest span", () => {
  const t = tree("a 0+10", "b<a 1+3", "b2<a 5+4");
  for (const row of t.spans) if (row.spanId !== "a") row.name = "b";
  const rows = sortOperations(operationRows(t), "count");
  expect(rows.map(({ name, count, self, longest, example }) => ({ name, count, self, longest, example }))).toEqual([
    { name: "b", count: 2, self: 7e6, longest: 4e6, example: 2 },
    { name: "a", count: 1, self: 3e6, longest: 10e6, example: 0 },
  ]);
});
