import type { SearchResult } from "../api/types";
import type { Changes } from "../router";
import { formatBytes, formatCount, formatShort, plural } from "../time/number";
import { limits, type Sort, sorts } from "./search_state";

type Props = { result: SearchResult; sort: Sort; limit: number; onChange: (changes: Changes) => void };

export function ResultSummary({ result, sort, limit, onChange }: Props) {
  const { traces, complete, stats } = result;
  const failed = traces.filter((trace) => trace.errorCount > 0).length;
  // An answer as long as its limit is complete for the server, but not all there is.
  const cut = traces.length >= limit;
  const more = limits.find((choice) => choice > limit);
  return (
    <div className="result-summary">
      <span role="status">
        <b>{plural(traces.length, "trace")}</b>
        {failed > 0 && <span className="error-text"> · {formatCount(failed)} with errors</span>}
        {(cut || !complete) && (
          <span className="warn-text">
            {" "}
            · {cut ? "the newest; there may be more" : "not the whole answer"}
            {cut && more && (
              <button type="button" className="link-button" onClick={() => onChange({ limit: String(more) })}>
                Show {more}
              </button>
            )}
          </span>
        )}
      </span>
      <span className="muted" title={`${formatCount(stats.inspectedSpans)} spans inspected`}>
        {Math.max(1, Math.round(stats.elapsedMs))} ms · {formatShort(stats.inspectedSpans)} spans · {formatBytes(stats.inspectedBytes)} read
      </span>
      <label className="inline-field">
        Sort
        <select className="input" value={sort} onChange={(event) => onChange({ sort: event.target.value === "newest" ? undefined : event.target.value })}>
          {Object.entries(sorts).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label className="inline-field">
        Limit
        <select className="input" value={limit} onChange={(event) => onChange({ limit: event.target.value === "100" ? undefined : event.target.value })}>
          {limits.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      </label>
    </div>
  );
}
