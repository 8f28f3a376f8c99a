import { memo } from "react";
import type { Log } from "../api/types";
import { severityClass, severityName } from "../logs/severity";
import { formatDuration } from "../time/format";
import { valueText } from "./find";
import { share, type View } from "./view";
import { rowHeight } from "./WaterfallRow";

type Props = { log: Log; at: number; index: number; span: number; position: number; depth: number; indent: number; view: View };

/** A log record in its place: under its span, its moment marked in the time column. */
export const LogLine = memo(function LogLine({ log, at, index, span, position, depth, indent, view }: Props) {
  const left = share(at, view) * 100;
  const severity = severityName(log);
  return (
    <div
      role="treeitem"
      aria-selected={false}
      aria-level={depth + 2}
      aria-label={`log ${severity}: ${valueText(log.body)}`}
      className={`wf-row wf-log ${severityClass(log.severityNumber)}`}
      data-row={span}
      data-log={index}
      style={{ transform: `translateY(${position * rowHeight}px)` }}
    >
      <div className="wf-name" style={{ paddingLeft: (depth + 1) * indent + 22 }} title={valueText(log.body)}>
        <span className="severity">{severity}</span>
        <span className="wf-log-text">{valueText(log.body)}</span>
      </div>
      <div className="wf-time" data-time>
        {left >= 0 && left <= 100 && (
          <span className={left > 85 ? "wf-moment before" : "wf-moment"} style={{ left: `${left}%` }}>
            <em>{formatDuration(at)}</em>
          </span>
        )}
      </div>
    </div>
  );
});
