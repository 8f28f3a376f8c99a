import type { Trace } from "../api/types";
import { offsetNs } from "../time/format";
import type { Tree } from "./tree";

export type Segment = { from: number; to: number };

/** Segments of the critical path by row. */
export function criticalSegments(tree: Tree, path: Trace["criticalPath"]): Map<number, Segment[]> {
  const byRow = new Map<number, Segment[]>();
  for (const { spanId, startNs, endNs } of path) {
    const row = tree.indexById.get(spanId);
    if (row === undefined) continue;
    const segment = { from: offsetNs(startNs, tree.base), to: offsetNs(endNs, tree.base) };
    const list = byRow.get(row);
    if (list) list.push(segment);
    else byRow.set(row, [segment]);
  }
  return byRow;
}
