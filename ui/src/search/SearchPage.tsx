import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { search, type Window } from "../api/client";
import { useRequest } from "../api/request";
import { useKeys } from "../parts/keys";
import { Failure } from "../parts/Notice";
import { Progress } from "../parts/Progress";
import { useVirtualRows } from "../parts/virtual_rows";
import { navigate, useLocation, useSetParameters } from "../router";
import { rangeParameters, resolveRange, type Range } from "../time/range";
import { emptyForm, type Form, formOf, queryOf } from "../traceql/form";
import { EmptyResult } from "./EmptyResult";
import { QueryExamples } from "./QueryExamples";
import { QueryInput } from "./QueryInput";
import { ResultList, resultRowHeight } from "./ResultList";
import { Scatter } from "./Scatter";
import { SearchForm } from "./SearchForm";
import { ResultSummary } from "./ResultSummary";
import { SearchToolbar } from "./SearchToolbar";
import { isEverything, readSearch, sortTraces } from "./search_state";
import { useEmptyStore, useFreshTraces, useLiveRefresh } from "./live";

export function SearchPage() {
  const { parameters } = useLocation();
  const setParameters = useSetParameters();
  const { query, range, sort, limit, live } = useMemo(() => readSearch(parameters), [parameters]);
  const [draft, setDraft] = useState(query);
  const [form, setForm] = useState<Form | undefined>(() => formOf(query));
  const [selected, setSelected] = useState(-1);
  const field = useRef<HTMLTextAreaElement>(null);

  const type = useCallback((text: string) => {
    setDraft(text);
    setForm((before) => formOf(text) ?? before);
  }, []);
  useEffect(() => {
    setDraft(query);
    setForm(formOf(query));
  }, [query]);

  const windowNow = useCallback((): Window => resolveRange(range, Date.now()), [range]);
  const key = JSON.stringify([query, range, limit]);
  const { data, error, since, cancelled, reload, cancel } = useRequest(key, async (signal) => {
    const window = windowNow();
    return { result: await search(query, window, limit, signal), window, query };
  });
  useLiveRefresh(live && range.kind === "relative", since !== undefined, reload);

  const traces = useMemo(() => sortTraces(data?.result.traces ?? [], sort), [data, sort]);
  const fresh = useFreshTraces(data?.result.traces, live, key);
  const emptyStore = useEmptyStore(data !== undefined && traces.length === 0);
  const rows = useVirtualRows(traces.length, resultRowHeight);

  const run = (text = draft) => {
    if (text === query) reload();
    else setParameters({ q: isEverything(text) ? undefined : text }, "push");
    setDraft(text);
    setForm(formOf(text));
    setSelected(-1);
  };
  const runForm = (next?: Form) => run(queryOf(next ?? form ?? emptyForm));
  const setRange = useCallback((next: Range) => setParameters(rangeParameters(next), "push"), [setParameters]);
  const zoom = useCallback((window: Window) => setRange({ kind: "absolute", ...window }), [setRange]);
  const move = (step: number) => {
    const next = Math.max(0, Math.min(traces.length - 1, selected + step));
    setSelected(next);
    rows.reveal(next);
  };
  useKeys("Search", [
    { keys: ["/"], label: "Edit the query", run: () => field.current?.focus() },
    { keys: ["j", "ArrowDown"], label: "Next trace", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous trace", run: () => move(-1) },
    { keys: ["Enter", "o"], label: "Open the trace", run: () => traces[selected] && navigate(`/trace/${traces[selected].traceId}`) },
    { keys: ["r"], label: "Search again", run: reload },
    { keys: ["l"], label: "Live on or off", run: () => setParameters({ live: live ? undefined : "1" }) },
    { keys: ["t"], label: "Time range", run: () => document.querySelector<HTMLElement>("[data-shortcut=range]")?.click() },
    { keys: ["Escape"], label: "Cancel, or leave a field", always: true, run: () => (since === undefined ? (document.activeElement as HTMLElement | null)?.blur() : cancel()) },
  ]);

  const faulty = error?.code === "invalid" && draft === query ? error : undefined;
  const stale = error !== undefined || data?.query !== query;
  return (
    <div className="search-page">
      <aside className="search-side" aria-label="Filters">
        <SearchForm
          form={form}
          behind={draft !== query && formOf(draft) === undefined}
          window={windowNow}
          onChange={(next) => {
            setForm(next);
            setDraft(queryOf(next));
          }}
          onRun={runForm}
        />
      </aside>
      <section className="search-main">
        <SearchToolbar
          range={range}
          live={live}
          running={since !== undefined}
          onRange={setRange}
          onLive={() => setParameters({ live: live ? undefined : "1" })}
          onRun={() => run()}
          onCancel={cancel}
        >
          <QueryInput field={field} text={draft} window={windowNow} error={faulty} onChange={type} onRun={() => run()} />
        </SearchToolbar>
        <Progress since={since} onCancel={cancel} />
        {error && !faulty && <Failure error={error} onRetry={reload} />}
        {cancelled && <p className="cancelled">Cancelled. What is shown is the answer before.</p>}
        {faulty && !data && <QueryExamples onPick={run} />}
        <div className={stale ? "search-answer stale" : "search-answer"}>
          {data && traces.length > 0 && (
            <>
              <Scatter traces={traces} window={data.window} complete={data.result.complete && data.result.traces.length < limit} selected={traces[selected]?.traceId} onZoom={zoom} />
              <ResultSummary result={data.result} sort={sort} limit={limit} onChange={setParameters} />
              <ResultList traces={traces} rows={rows} selected={selected} fresh={fresh} narrowed={!isEverything(data.query)} onSelect={setSelected} />
            </>
          )}
          {data && traces.length === 0 && !error && (
            <EmptyResult query={query} range={range} receivers={emptyStore} onRange={setRange} onClear={() => run("{ }")} />
          )}
        </div>
      </section>
    </div>
  );
}
