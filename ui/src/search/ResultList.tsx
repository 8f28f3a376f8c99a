import { type RefObject, memo } from "react";
import type { TraceSummary } from "../api/types";
import { serviceColour } from "../colour";
import type { VirtualRows } from "../parts/virtual_rows";
import { Icon } from "../parts/Icon";
import { Link } from "../router";
import { useTheme } from "../theme";
import { formatAgo, formatDuration, formatInstant, formatNear, msOf } from "../time/format";
import { formatShort } from "../time/number";
import { durationShare } from "./search_state";

export const resultRowHeight = 32;

type Props = {
  traces: TraceSummary[];
  rows: VirtualRows;
  selected: number;
  fresh: RefObject<ReadonlySet<string>>;
  narrowed: boolean;
  onSelect: (index: number) => void;
};

export function ResultList({ traces, rows, selected, fresh, narrowed, onSelect }: Props) {
  const { dark } = useTheme();
  const now = Date.now();
  let shortest = Number.POSITIVE_INFINITY;
  let longest = 0;
  for (const trace of traces) {
    shortest = Math.min(shortest, Number(trace.durationNs));
    longest = Math.max(longest, Number(trace.durationNs));
  }
  const shown = traces.slice(rows.first, rows.last);
  return (
    <div className="results" role="table" aria-label="Traces" aria-rowcount={traces.length}>
      <div className="result-head" role="row">
        <span role="columnheader">Start</span>
        <span role="columnheader">Root</span>
        <span role="columnheader">Services</span>
        <span role="columnheader" className="right">
          {narrowed ? "Matched" : "Spans"}
        </span>
        <span role="columnheader" className="right">
          Errors
        </span>
        <span role="columnheader">Duration</span>
      </div>
      <div className="result-scroll" ref={rows.scroller} onScroll={rows.onScroll}>
        <div style={{ height: rows.totalHeight, position: "relative" }} role="rowgroup">
          {shown.map((trace, offset) => (
            <Row
              key={trace.traceId}
              trace={trace}
              index={rows.first + offset}
              isSelected={rows.first + offset === selected}
              isFresh={fresh.current.has(trace.traceId)}
              share={durationShare(Number(trace.durationNs), shortest, longest)}
              narrowed={narrowed}
              dark={dark}
              now={Math.floor(now / 5000) * 5000}
              onSelect={onSelect}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

type RowProps = {
  trace: TraceSummary;
  index: number;
  isSelected: boolean;
  isFresh: boolean;
  share: number;
  narrowed: boolean;
  dark: boolean;
  now: number;
  onSelect: (index: number) => void;
};

const Row = memo(function Row({ trace, index, isSelected, isFresh, share, narrowed, dark, now, onSelect }: RowProps) {
  const startMs = msOf(trace.startNs);
  const failed = trace.errorCount > 0;
  const span = trace.spans[0];
  // With a filter, land on what matched.
  const target = narrowed && span ? `/trace/${trace.traceId}?span=${span.spanId}` : `/trace/${trace.traceId}`;
  const classes = ["result", isSelected && "selected", failed && "failed", isFresh && "fresh"].filter(Boolean).join(" ");
  return (
    <div role="row" aria-rowindex={index + 1} className={classes} style={{ top: index * resultRowHeight }} onMouseDown={() => onSelect(index)}>
      <span role="cell" className="time" title={formatInstant(startMs)}>
        {formatNear(startMs, now)} <span className="muted">{formatAgo(startMs, now)}</span>
      </span>
      <span role="cell" className="root">
        <span className="dot" style={{ background: serviceColour(trace.rootService, dark) }} />
        <Link href={target} tabIndex={isSelected ? 0 : -1}>
          <b>{trace.rootService || "(root missing)"}</b> {trace.rootName}
        </Link>
      </span>
      <span role="cell" className="chips">
        {trace.services.map((service) => (
          <span key={service.name} className={service.errorCount > 0 ? "chip failed" : "chip"} title={`${service.name}: ${service.spanCount} spans, ${service.errorCount} errors`}>
            <i style={{ background: serviceColour(service.name, dark) }} />
            {service.name} <em>{formatShort(service.spanCount)}</em>
          </span>
        ))}
      </span>
      <span role="cell" className="right num">
        {narrowed ? (
          <>
            {formatShort(trace.matched)}
            <span className="muted">/{formatShort(trace.spanCount)}</span>
          </>
        ) : (
          formatShort(trace.spanCount)
        )}
      </span>
      <span role="cell" className="right num errors">
        {failed && (
          <>
            <Icon name="error" size={12} /> {formatShort(trace.errorCount)}
          </>
        )}
      </span>
      <span role="cell" className="duration" title="The bar is on a log scale">
        <span className="duration-bar" style={{ width: `${share * 100}%` }} />
        <span className="num">{formatDuration(Number(trace.durationNs))}</span>
      </span>
    </div>
  );
});
