/** Which rows the waterfall shows: spans outside collapsed subtrees, and logs under their span. */
import type { Log } from "../api/types";
import { offsetNs } from "../time/format";
import type { Tree } from "./tree";

/** A span's row number, or `-1 - n` for the n-th log. */
export type Row = number;

export const logOf = (row: Row): number => -1 - row;
export const isLog = (row: Row): boolean => row < 0;

export type PlacedLog = { log: Log; at: number; span: number };

/** Logs by the row of their span, in time order; a log without a span belongs to the first row. */
export function placeLogs(tree: Tree, logs: Log[]): { placed: PlacedLog[]; bySpan: Map<number, number[]> } {
  const placed = logs
    .map((log) => ({ log, at: offsetNs(log.timeNs, tree.base), span: tree.indexById.get(log.spanId ?? "") ?? 0 }))
    .sort((a, b) => a.at - b.at);
  const bySpan = new Map<number, number[]>();
  for (const [index, { span }] of placed.entries()) {
    const list = bySpan.get(span);
    if (list) list.push(index);
    else bySpan.set(span, [index]);
  }
  return { placed, bySpan };
}

export function visibleRows(tree: Tree, collapsed: ReadonlySet<number>, logsBySpan?: Map<number, number[]>): Row[] {
  const rows: Row[] = [];
  const count = tree.spans.length;
  let span = 0;
  while (span < count) {
    rows.push(span);
    for (const log of logsBySpan?.get(span) ?? []) rows.push(-1 - log);
    span = collapsed.has(span) ? Math.max(span + 1, tree.subtreeEnd[span] ?? 0) : span + 1;
  }
  return rows;
}

/** Every row with children except the tops: what is left is the outline. */
export function collapseAll(tree: Tree): Set<number> {
  const collapsed = new Set<number>();
  for (let row = 0; row < tree.spans.length; row += 1) {
    if ((tree.depth[row] ?? 0) > 0 && (tree.subtreeEnd[row] ?? 0) > row + 1) collapsed.add(row);
  }
  return collapsed;
}

/** Collapses every subtree that holds none of `keep`, so that those stand out with their path. */
export function collapseExcept(tree: Tree, keep: Iterable<number>): Set<number> {
  const open = new Set<number>();
  for (const row of keep) {
    for (let at = tree.parent[row] ?? -1; at >= 0 && !open.has(at); at = tree.parent[at] ?? -1) open.add(at);
  }
  const collapsed = new Set<number>();
  for (let row = 0; row < tree.spans.length; row += 1) {
    if (!open.has(row) && (tree.subtreeEnd[row] ?? 0) > row + 1) collapsed.add(row);
  }
  return collapsed;
}
