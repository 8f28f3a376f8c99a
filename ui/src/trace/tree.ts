/** A trace laid out for the waterfall: plain arrays by row, so that 50,000 spans cost little to walk. */
import type { Span, Trace } from "../api/types";

export type Tree = {
  spans: Span[];
  /** Nanoseconds after `base`. */
  start: Float64Array;
  duration: Float64Array;
  /** Time not covered by children. */
  self: Float64Array;
  depth: Uint32Array;
  /** -1 for a root or an orphan. */
  parent: Int32Array;
  /** One past the last row of the subtree. */
  subtreeEnd: Int32Array;
  indexById: Map<string, number>;
  base: bigint;
  total: number;
  maxDepth: number;
};

export function buildTree(trace: Trace): Tree {
  const { base, starts } = offsets(trace);
  const order = depthFirst(trace.spans, starts);
  const spans = order.map(({ at }) => trace.spans[at] as Span);
  const count = spans.length;
  const tree: Tree = {
    spans,
    start: new Float64Array(count),
    duration: new Float64Array(count),
    self: new Float64Array(count),
    depth: new Uint32Array(count),
    parent: new Int32Array(count).fill(-1),
    subtreeEnd: new Int32Array(count),
    indexById: new Map(spans.map((span, index) => [span.spanId, index])),
    base,
    total: 1,
    maxDepth: 0,
  };
  for (const [index, span] of spans.entries()) {
    const depth = order[index]?.depth ?? 0;
    tree.start[index] = starts[order[index]?.at ?? 0] ?? 0;
    tree.duration[index] = Number(span.durationNs);
    tree.depth[index] = depth;
    if (depth > 0) tree.parent[index] = tree.indexById.get(span.parentSpanId ?? "") ?? -1;
    tree.maxDepth = Math.max(tree.maxDepth, depth);
    tree.total = Math.max(tree.total, (tree.start[index] ?? 0) + (tree.duration[index] ?? 0));
  }
  closeSubtrees(tree);
  selfTimes(tree);
  return tree;
}

/** Starts after the earliest one, which need not be the root's. */
function offsets(trace: Trace): { base: bigint; starts: Float64Array } {
  const instants = trace.spans.map((span) => BigInt(span.startNs));
  let base = instants[0] ?? BigInt(trace.startNs);
  for (const instant of instants) if (instant < base) base = instant;
  return { base, starts: Float64Array.from(instants, (instant) => Number(instant - base)) };
}

/** The server sends this order already; it is made again so that nothing here rests on it. Cycles end as roots. */
function depthFirst(spans: Span[], start: Float64Array): { at: number; depth: number }[] {
  const position = new Map(spans.map((span, at) => [span.spanId, at]));
  const children = new Map<number, number[]>();
  const tops: number[] = [];
  for (const [at, span] of spans.entries()) {
    const parent = span.parentSpanId ? position.get(span.parentSpanId) : undefined;
    if (parent === undefined || parent === at) tops.push(at);
    else push(children, parent, at);
  }
  const byStart = (a: number, b: number) => (start[a] ?? 0) - (start[b] ?? 0) || a - b;
  const order: { at: number; depth: number }[] = [];
  const seen = new Uint8Array(spans.length);
  const walk = (top: number) => {
    const stack = [{ at: top, depth: 0 }];
    for (let item = stack.pop(); item; item = stack.pop()) {
      if (seen[item.at]) continue;
      seen[item.at] = 1;
      order.push(item);
      const kids = children.get(item.at)?.sort(byStart) ?? [];
      for (let k = kids.length - 1; k >= 0; k -= 1) stack.push({ at: kids[k] as number, depth: item.depth + 1 });
    }
  };
  tops.sort(byStart).forEach(walk);
  for (let at = 0; at < spans.length; at += 1) if (!seen[at]) walk(at);
  return order;
}

function push(map: Map<number, number[]>, key: number, value: number) {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function closeSubtrees(tree: Tree) {
  const open: number[] = [];
  const count = tree.spans.length;
  for (let row = 0; row <= count; row += 1) {
    const depth = row < count ? (tree.depth[row] ?? 0) : 0;
    while (open.length > depth) tree.subtreeEnd[open.pop() as number] = row;
    if (row < count) open.push(row);
  }
}

/** Children of a row come by start, so their union is one sweep. */
function selfTimes(tree: Tree) {
  const coveredUntil = Float64Array.from(tree.start);
  for (let row = 0; row < tree.spans.length; row += 1) {
    tree.self[row] = (tree.self[row] ?? 0) + (tree.duration[row] ?? 0);
    const parent = tree.parent[row] ?? -1;
    if (parent < 0) continue;
    const parentEnd = (tree.start[parent] ?? 0) + (tree.duration[parent] ?? 0);
    const from = Math.max(tree.start[row] ?? 0, coveredUntil[parent] ?? 0);
    const until = Math.min((tree.start[row] ?? 0) + (tree.duration[row] ?? 0), parentEnd);
    if (until <= from) continue;
    tree.self[parent] = (tree.self[parent] ?? 0) - (until - from);
    coveredUntil[parent] = until;
  }
}

export function ancestors(tree: Tree, row: number): number[] {
  const found: number[] = [];
  for (let at = tree.parent[row] ?? -1; at >= 0 && found.length < tree.spans.length; at = tree.parent[at] ?? -1) found.push(at);
  return found;
}

export function hasChildren(tree: Tree, row: number): boolean {
  return (tree.subtreeEnd[row] ?? 0) > row + 1;
}

export type ServiceShare = { name: string; spans: number; errors: number; self: number };

export function serviceShares(tree: Tree): ServiceShare[] {
  const shares = new Map<string, ServiceShare>();
  for (const [row, span] of tree.spans.entries()) {
    let share = shares.get(span.service);
    if (!share) shares.set(span.service, (share = { name: span.service, spans: 0, errors: 0, self: 0 }));
    share.spans += 1;
    share.self += tree.self[row] ?? 0;
    if (span.status === "error") share.errors += 1;
  }
  return [...shares.values()].sort((a, b) => b.self - a.self);
}
