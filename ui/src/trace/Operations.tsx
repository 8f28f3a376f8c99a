import { useMemo, useState } from "react";
import { serviceColour } from "../colour";
import { useTheme } from "../theme";
import { formatDuration } from "../time/format";
import { formatCount } from "../time/number";
import { operationRows, sortOperations, type StatisticColumn, statisticColumns } from "./statistics";
import type { Tree } from "./tree";

const titles: Record<StatisticColumn, string> = { self: "Own time", count: "Spans", errors: "Errors", total: "Total", longest: "Longest" };
const shownMax = 500;

/** The operations of the trace, most expensive first; a row leads to its longest span. */
export function Operations({ tree, onGoTo }: { tree: Tree; onGoTo: (row: number) => void }) {
  const { dark } = useTheme();
  const [by, setBy] = useState<StatisticColumn>("self");
  const rows = useMemo(() => sortOperations(operationRows(tree), by), [tree, by]);
  const whole = useMemo(() => rows.reduce((sum, row) => sum + row.self, 0) || 1, [rows]);
  const most = useMemo(() => rows.reduce((largest, row) => Math.max(largest, row.self), 1), [rows]);
  return (
    <div className="table-scroll">
      <table className="table operations">
        <thead>
          <tr>
            <th>
              <button type="button" disabled>
                Operation
              </button>
            </th>
            {statisticColumns.map((column) => (
              <th key={column} className="right" aria-sort={by === column ? "descending" : undefined}>
                <button type="button" onClick={() => setBy(column)}>
                  {titles[column]}
                </button>
              </th>
            ))}
            <th className="right">
              <button type="button" disabled>
                Average
              </button>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, shownMax).map((row) => (
            <tr key={`${row.service}\n${row.name}`}>
              <td>
                <button type="button" className="operation-name" title="Go to its longest span" onClick={() => onGoTo(row.example)}>
                  <i className="dot" style={{ background: serviceColour(row.service, dark) }} /> <b>{row.service}</b> {row.name}
                </button>
              </td>
              <td className="right num own-time">
                <span className="duration-bar" style={{ width: `${(row.self / most) * 55}%` }} />
                <span>{formatDuration(row.self)}</span> <span className="muted">{((row.self / whole) * 100).toFixed(1)}%</span>
              </td>
              <td className="right num">{formatCount(row.count)}</td>
              <td className={row.errors > 0 ? "right num error-text" : "right num muted"}>{formatCount(row.errors)}</td>
              <td className="right num">{formatDuration(row.total)}</td>
              <td className="right num">{formatDuration(row.longest)}</td>
              <td className="right num">{formatDuration(row.total / row.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shownMax && <p className="hint cut">The first {shownMax} of {formatCount(rows.length)} operations.</p>}
    </div>
  );
}
