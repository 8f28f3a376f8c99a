import { useCallback, useMemo, useState } from "react";
import { logs, type Window } from "../api/client";
import { useRequest } from "../api/request";
import type { Log } from "../api/types";
import { useKeys } from "../parts/keys";
import { Failure, Notice } from "../parts/Notice";
import { Progress } from "../parts/Progress";
import { type Changes, useLocation, useSetParameters } from "../router";
import { useLiveRefresh } from "../search/live";
import { msOf } from "../time/format";
import { rangeParameters, resolveRange } from "../time/range";
import { plural } from "../time/number";
import { Histogram } from "./Histogram";
import { LogFilters } from "./LogFilters";
import { LogRow } from "./LogRow";
import { logLimits, logQuery, readLogs } from "./logs_state";

export function LogsPage() {
  const { parameters } = useLocation();
  const setParameters = useSetParameters();
  const state = useMemo(() => readLogs(parameters), [parameters]);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const { live: _, ...question } = state;
  const key = JSON.stringify(question);
  const { data, error, since, reload, cancel } = useRequest(key, async (signal) => {
    const window = resolveRange(state.range, Date.now());
    return { result: await logs(logQuery(state, window), signal), window };
  });
  useLiveRefresh(state.live && state.range.kind === "relative", since !== undefined, reload);
  const set = useCallback((changes: Changes) => setParameters(changes, "push"), [setParameters]);
  const zoom = useCallback((window: Window) => set(rangeParameters({ kind: "absolute", ...window })), [set]);
  const toggle = useCallback((id: string) => {
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  }, []);
  const step = (by: 1 | -1) => {
    const rows = [...document.querySelectorAll<HTMLElement>("[data-log-row]")];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
  };
  useKeys("Logs", [
    { keys: ["/"], label: "Filter by text", run: () => document.querySelector<HTMLElement>("[data-shortcut=contains]")?.focus() },
    { keys: ["j", "ArrowDown"], label: "Next record", run: () => step(1) },
    { keys: ["k", "ArrowUp"], label: "Previous record", run: () => step(-1) },
    { keys: ["r"], label: "Ask again", run: reload },
    { keys: ["l"], label: "Live on or off", run: () => setParameters({ live: state.live ? undefined : "1" }) },
    { keys: ["Escape"], label: "Cancel, or leave a field", always: true, run: () => (since === undefined ? (document.activeElement as HTMLElement | null)?.blur() : cancel()) },
  ]);

  const shown = data?.result.logs ?? [];
  const cut = shown.length >= state.limit;
  const filtered = state.service || state.severity || state.contains || state.traceId;
  const more = logLimits.find((limit) => limit > state.limit);
  return (
    <div className="logs-page">
      <LogFilters state={state} onChange={set} />
      <Progress since={since} doing="Reading logs" onCancel={cancel} />
      {error && <Failure error={error} onRetry={reload} />}
      {data && shown.length > 0 && (
        <>
          <Histogram logs={shown} window={histogramWindow(shown, data.window, !cut && data.result.complete)} onZoom={zoom} />
          <div className="result-summary">
            <span role="status">
              <b>{plural(shown.length, "record")}</b>
              {(cut || !data.result.complete) && (
                <span className="warn-text">
                  {" "}
                  · {cut ? "the newest; there may be more" : "not the whole answer"}
                  {cut && more && (
                    <button type="button" className="link-button" onClick={() => set({ limit: String(more) })}>
                      Show {more}
                    </button>
                  )}
                </span>
              )}
            </span>
          </div>
          <div className="log-list" role="list" aria-label="Log records, newest first">
            {shown.map((log, at) => {
              const id = `${log.timeNs}-${log.spanId}-${at}`;
              return <LogRow key={id} id={id} log={log} open={open.has(id)} contains={state.contains} onToggle={toggle} onFilter={set} />;
            })}
          </div>
        </>
      )}
      {data && shown.length === 0 && !error && (
        <Notice title="No log records">
          {filtered ? <p>Nothing in this time range passes the filters.</p> : <p>Nothing arrived in this time range. Logs come in over OTLP like traces: set OTEL_LOGS_EXPORTER=otlp, or send to :4318/v1/logs.</p>}
          <p className="row-gap">
            {filtered && (
              <button type="button" className="button" onClick={() => set({ service: "", severity: "", contains: "", traceId: "" })}>
                Drop the filters
              </button>
            )}
            <button type="button" className="button" onClick={() => set(rangeParameters({ kind: "relative", text: "24h" }))}>
              Look at the last 24h
            </button>
          </p>
        </Notice>
      )}
    </div>
  );
}

/** From the oldest shown record on, when the answer stopped at its limit. */
function histogramWindow(shown: Log[], asked: Window, complete: boolean): Window {
  const oldest = shown.at(-1);
  return complete || !oldest ? asked : { start: Math.min(msOf(oldest.timeNs), asked.end - 1000), end: asked.end };
}
