import { memo } from "react";
import type { MatchedSpan, ServiceCount, TraceSummary } from "../api/types";
import { serviceColour } from "../colour";
import type { VirtualRows } from "../parts/virtual_rows";
import { ErrorCount } from "../parts/ErrorCount";
import { Icon } from "../parts/Icon";
import { Link } from "../router";
import { useTheme } from "../theme";
import { formatAgo, formatDuration, formatInstant, formatNear, msOf } from "../time/format";
import { formatShort, plural } from "../time/number";
import { durationShare } from "./search_state";

export const resultRowHeight = 32;

type Props = {
  traces: TraceSummary[];
  rows: VirtualRows;
  selected: number;
  fresh: ReadonlySet<string>;
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
        <span role="columnheader" className="right">
          Duration
        </span>
      </div>
      <div className="result-scroll" ref={rows.attach} onScroll={rows.onScroll}>
        <div style={{ height: rows.totalHeight, position: "relative" }} role="rowgroup">
          {shown.map((trace, offset) => (
            <Row
              key={trace.traceId}
              trace={trace}
              index={rows.first + offset}
              isSelected={rows.first + offset === selected}
              isFresh={fresh.has(trace.traceId)}
              share={durationShare(Number(trace.durationNs), shortest, longest)}
              narrowed={narrowed}
              dark={dark}
              now={Math.floor(now / 1000) * 1000}
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
        {narrowed && span && !isRoot(trace, span) && (
          <span className="matched-span" title={matchTitle(trace)}>
            › {span.name}
          </span>
        )}
      </span>
      <span role="cell" className="chips">
        {rootFirst(trace).map((service) => (
          <ServiceChip key={service.name} service={service} dark={dark} />
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
        <span className="duration-bar" style={{ width: `calc((100% - 68px) * ${share})` }} />
        <span className="num">{formatDuration(Number(trace.durationNs))}</span>
      </span>
    </div>
  );
});

function isRoot(trace: TraceSummary, span: MatchedSpan): boolean {
  return span.service === trace.rootService && span.name === trace.rootName;
}

function matchTitle({ spans, matched }: TraceSummary): string {
  const lines = spans.map((span) => `${span.service}: ${span.name}, ${formatDuration(Number(span.durationNs))}${span.status === "error" ? ", error" : ""}`);
  if (matched > spans.length) lines.push(`and ${matched - spans.length} more`);
  return `Matched\n${lines.join("\n")}`;
}

function rootFirst({ services, rootService }: TraceSummary): ServiceCount[] {
  return services.toSorted((a, b) => Number(b.name === rootService) - Number(a.name === rootService));
}

function ServiceChip({ service: { name, spanCount, errorCount }, dark }: { service: ServiceCount; dark: boolean }) {
  return (
    <span className="chip" title={`${name}: ${plural(spanCount, "span")}, ${plural(errorCount, "error")}`}>
      <i style={{ background: serviceColour(name, dark) }} />
      {name} <em>{formatShort(spanCount)}</em>
      {errorCount > 0 && <ErrorCount count={errorCount} />}
    </span>
  );
}
