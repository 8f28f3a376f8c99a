/** A trace summed up by operation: where the time went, without scrolling through every span. */
import type { Tree } from "./tree";

export type OperationRow = {
  service: string;
  name: string;
  count: number;
  errors: number;
  total: number;
  self: number;
  longest: number;
  /** The row of the longest span, to go to. */
  example: number;
};

export const statisticColumns = ["self", "count", "errors", "total", "longest"] as const;
export type StatisticColumn = (typeof statisticColumns)[number];

export function operationRows(tree: Tree): OperationRow[] {
  const rows = new Map<string, OperationRow>();
  for (const [index, { service, name, status }] of tree.spans.entries()) {
    const key = `${service}\n${name}`;
    let row = rows.get(key);
    if (!row) rows.set(key, (row = { service, name, count: 0, errors: 0, total: 0, self: 0, longest: -1, example: index }));
    const duration = tree.duration[index] ?? 0;
    row.count += 1;
    row.errors += status === "error" ? 1 : 0;
    row.total += duration;
    row.self += tree.self[index] ?? 0;
    if (duration > row.longest) {
      row.longest = duration;
      row.example = index;
    }
  }
  return [...rows.values()];
}

export function sortOperations(rows: OperationRow[], by: StatisticColumn): OperationRow[] {
  return rows.toSorted((a, b) => b[by] - a[by] || b.self - a.self || a.name.localeCompare(b.name));
}
