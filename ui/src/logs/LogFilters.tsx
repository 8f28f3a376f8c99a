import { useEffect, useState } from "react";
import { services } from "../api/client";
import { Combo } from "../parts/Combo";
import type { Changes } from "../router";
import { rangeParameters, resolveRange } from "../time/range";
import { TimeRangePicker } from "../search/TimeRangePicker";
import type { LogsState } from "./logs_state";
import { severities } from "./severity";

type Props = { state: LogsState; onChange: (changes: Changes) => void };

export function LogFilters({ state, onChange }: Props) {
  const [service, setService] = useState(state.service);
  const [contains, setContains] = useState(state.contains);
  const [traceId, setTraceId] = useState(state.traceId);
  useEffect(() => setService(state.service), [state.service]);
  useEffect(() => setContains(state.contains), [state.contains]);
  useEffect(() => setTraceId(state.traceId), [state.traceId]);
  const run = () => onChange({ service, contains, traceId: traceId.trim().toLowerCase() });
  const live = state.live && state.range.kind === "relative";
  return (
    <form
      className="log-filters"
      role="search"
      aria-label="Filters"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      <label className="grow">
        <span className="visually-hidden">Text in the record</span>
        <input className="input" data-shortcut="contains" placeholder="Contains…  /" value={contains} onChange={(event) => setContains(event.target.value)} onBlur={run} />
      </label>
      <Combo
        label="Service"
        hideLabel
        value={service}
        placeholder="Any service"
        suggest={async (_, signal) => (await services(resolveRange(state.range, Date.now()), signal)).map((found) => found.name)}
        onChange={(next) => {
          setService(next);
          if (next === "") onChange({ service: "" });
        }}
        onEnter={run}
        onPick={(next) => onChange({ service: next })}
      />
      <label>
        <span className="visually-hidden">Least severity</span>
        <select className="input" value={state.severity} onChange={(event) => onChange({ severity: event.target.value === "0" ? "" : event.target.value })}>
          <option value={0}>Any severity</option>
          {severities.map(({ number, name }) => (
            <option key={number} value={number}>
              {name} and above
            </option>
          ))}
        </select>
      </label>
      <label>
        <span className="visually-hidden">Trace id</span>
        <input className="input mono" placeholder="Trace id" value={traceId} spellCheck={false} onChange={(event) => setTraceId(event.target.value)} onBlur={run} />
      </label>
      <TimeRangePicker range={state.range} onChange={(range) => onChange(rangeParameters(range))} />
      <button type="submit" className="button primary">
        Run
      </button>
      <button type="button" className="button live" aria-pressed={live} disabled={state.range.kind !== "relative"} title="Ask again every 5 seconds (l)" onClick={() => onChange({ live: state.live ? "" : "1" })}>
        <span className="live-dot" /> Live
      </button>
    </form>
  );
}
