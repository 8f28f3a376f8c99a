import type { ApiError } from "../api/client";
import { otlpUrl } from "../api/client";
import type { Trace } from "../api/types";
import { serviceColour } from "../colour";
import { Copy } from "../parts/Copy";
import { ErrorCount } from "../parts/ErrorCount";
import { Icon } from "../parts/Icon";
import { useTheme } from "../theme";
import { formatAgo, formatDuration, formatInstant, msOf } from "../time/format";
import { formatCount, formatShort, plural } from "../time/number";
import type { TraceState } from "./trace_state";
import type { ServiceShare, Tree } from "./tree";

type Props = {
  trace: Trace;
  tree: Tree;
  shares: ServiceShare[];
  state: TraceState;
  counts: { errors: number; orphans: number; skewed: number; logs: number; matches: number };
  matchPosition: number;
  logsFailed: ApiError | undefined;
  onFindNext: (step: 1 | -1) => void;
  onNextError: (step: 1 | -1) => void;
  onReload: () => void;
};

export function TraceHeader({ trace, tree, shares, state, counts, matchPosition, logsFailed, onFindNext, onNextError, onReload }: Props) {
  const root = tree.spans[0];
  const startMs = msOf(trace.startNs);
  return (
    <div className="trace-header">
      <div className="trace-title">
        <h1>
          <span className="service">{root?.service}</span> {root?.name}
        </h1>
        <Copy text={trace.traceId} label="Copy the trace id">
          <span className="mono muted">{trace.traceId}</span>
        </Copy>
        <span className="gap" />
        <Find state={state} matches={counts.matches} position={matchPosition} onNext={onFindNext} />
        <button type="button" className="button" aria-pressed={state.critical} title="Critical path (c)" onClick={() => state.setCritical(!state.critical)}>
          <Icon name="path" /> Critical path
        </button>
        <button
          type="button"
          className="button"
          aria-pressed={state.showLogs}
          disabled={counts.logs === 0}
          title={logsFailed ? `Logs could not be read: ${logsFailed.message}` : "Logs of this trace in place (l)"}
          onClick={() => state.setShowLogs(!state.showLogs)}
        >
          <Icon name="logs" /> Logs <span className="count">{counts.logs}</span>
        </button>
        <button type="button" className="button" aria-pressed={state.operations} title="Summed up by operation (o)" onClick={() => state.setOperations(!state.operations)}>
          <Icon name="sum" /> Operations
        </button>
        <a className="button" href={otlpUrl(trace.traceId)} download={`${trace.traceId}.json`} title="Download as OTLP JSON">
          <Icon name="download" /> OTLP
        </a>
        <button type="button" className="icon-button" aria-label="Load the trace again" title="Load the trace again" onClick={onReload}>
          <Icon name="refresh" />
        </button>
      </div>
      <div className="trace-facts">
        <span title={new Date(startMs).toISOString()}>
          {formatInstant(startMs)} <span className="muted">{formatAgo(startMs, Date.now())}</span>
        </span>
        <span>
          <b className="num">{formatDuration(tree.total)}</b>
        </span>
        <span>
          <b className="num">{formatCount(tree.spans.length)}</b> {tree.spans.length === 1 ? "span" : "spans"}
        </span>
        <span>
          depth <b className="num">{tree.maxDepth + 1}</b>
        </span>
        {counts.errors > 0 && (
          <button type="button" className="link-button error-text" title="Next error (e)" onClick={() => onNextError(1)}>
            <Icon name="error" size={12} /> {plural(counts.errors, "error")}
          </button>
        )}
        <Services shares={shares} state={state} />
      </div>
      <Remarks trace={trace} orphans={counts.orphans} skewed={counts.skewed} />
    </div>
  );
}

function Find({ state, matches, position, onNext }: { state: TraceState; matches: number; position: number; onNext: (step: 1 | -1) => void }) {
  const active = state.query.trim() !== "";
  return (
    <div className="find" role="search">
      <input
        className="input"
        data-shortcut="find"
        aria-label="Find in this trace"
        placeholder="Find in this trace  /"
        value={state.query}
        spellCheck={false}
        onChange={(event) => state.setQuery(event.target.value)}
        onKeyDown={(event) => event.key === "Enter" && onNext(event.shiftKey ? -1 : 1)}
      />
      {active && (
        <>
          <span className={matches === 0 ? "find-count error-text" : "find-count"} role="status">
            {matches === 0 ? "none" : position >= 0 ? `${formatCount(position + 1)} of ${formatCount(matches)}` : formatCount(matches)}
          </span>
          <button type="button" className="icon-button" aria-label="Previous match" title="Previous match (N)" onClick={() => onNext(-1)}>
            <Icon name="up" />
          </button>
          <button type="button" className="icon-button" aria-label="Next match" title="Next match (n)" onClick={() => onNext(1)}>
            <Icon name="down" />
          </button>
        </>
      )}
    </div>
  );
}

function Services({ shares, state }: { shares: ServiceShare[]; state: TraceState }) {
  const { dark } = useTheme();
  const whole = shares.reduce((sum, share) => sum + share.self, 0) || 1;
  return (
    <div className="legend" role="group" aria-label="Services: click to highlight one">
      {shares.map((share) => (
        <button
          key={share.name}
          type="button"
          className="chip"
          aria-pressed={state.service === share.name}
          title={`${share.name}: ${plural(share.spans, "span")}, ${plural(share.errors, "error")}, ${formatDuration(share.self)} of its own time`}
          onClick={() => state.setService(state.service === share.name ? undefined : share.name)}
        >
          <i style={{ background: serviceColour(share.name, dark) }} />
          {share.name || "(no service)"} <em>{formatShort(share.spans)}</em>
          {share.errors > 0 && <ErrorCount count={share.errors} />}
          <span className="muted">{Math.round((share.self / whole) * 100)}%</span>
        </button>
      ))}
    </div>
  );
}

function Remarks({ trace, orphans, skewed }: { trace: Trace; orphans: number; skewed: number }) {
  const remarks: string[] = [];
  if (!trace.complete) remarks.push("The trace was cut at the limit of the query; what is shown is not all of it.");
  if (orphans > 0) {
    const text = orphans === 1 ? "One span is an orphan: its parent is" : `${orphans} spans are orphans: their parents are`;
    remarks.push(`${text} not in the store (not sampled, lost, or still on the way). Shown at the top level.`);
  }
  if (skewed > 0) remarks.push(`${plural(skewed, "span")} started before the parent: the clocks of those hosts differ. Times are shown as recorded.`);
  if (remarks.length === 0) return null;
  return (
    <div className="remarks" role="note">
      {remarks.map((remark) => (
        <p key={remark}>
          <Icon name="error" size={12} /> {remark}
        </p>
      ))}
    </div>
  );
}
