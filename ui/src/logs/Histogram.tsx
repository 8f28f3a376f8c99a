import { useMemo, useState } from "react";
import type { Window } from "../api/client";
import type { Log } from "../api/types";
import { formatClock, msOf } from "../time/format";
import { histogram } from "./logs_state";

type Props = { logs: Log[]; window: Window; onZoom: (window: Window) => void };

const bars = 90;
const tall = 44;

/** How many of the shown records fall where. A click on a bar narrows the time range to it. */
export function Histogram({ logs, window: shown, onZoom }: Props) {
  const [hover, setHover] = useState(-1);
  const buckets = useMemo(
    () => histogram(logs.map((log) => ({ ms: msOf(log.timeNs), severity: log.severityNumber })), shown, bars),
    [logs, shown],
  );
  const most = Math.max(1, ...buckets.map(({ counts }) => counts[0] + counts[1] + counts[2]));
  const width = (shown.end - shown.start) / bars;
  const over = buckets[hover];
  return (
    <figure className="histogram" aria-label="Records over time, by severity">
      <svg viewBox={`0 0 ${bars} ${tall}`} preserveAspectRatio="none" onMouseLeave={() => setHover(-1)}>
        {buckets.map(({ start, counts }, at) => {
          let y = tall;
          return (
            <g key={start} onMouseEnter={() => setHover(at)} onClick={() => onZoom({ start, end: start + width })}>
              <rect x={at} y={0} width={1} height={tall} className="histogram-hit" />
              {counts.map((count, level) => {
                const height = (count / most) * (tall - 4);
                y -= height;
                // The three levels are fixed.
                // oxlint-disable-next-line react/no-array-index-key
                return count > 0 && <rect key={level} x={at + 0.1} y={y} width={0.8} height={height} className={`histogram-${level}`} />;
              })}
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>{formatClock(shown.start, false)}</span>
        {over ? (
          <span>
            {formatClock(over.start, false)}: {over.counts[0] + over.counts[1] + over.counts[2]} records, {over.counts[1]} warnings, {over.counts[2]} errors
          </span>
        ) : (
          <span />
        )}
        <span>{formatClock(shown.end, false)}</span>
      </figcaption>
    </figure>
  );
}
