import { useCallback, useDeferredValue, useEffect, useMemo, useRef } from "react";
import type { ApiError } from "../api/client";
import type { Log, Trace } from "../api/types";
import { useVirtualRows } from "../parts/virtual_rows";
import { criticalSegments } from "./critical_path";
import { Finder, nextMatch } from "./find";
import { Operations } from "./Operations";
import { collapseAll, collapseExcept, placeLogs, visibleRows } from "./rows";
import { SpanPanel } from "./SpanPanel";
import { TraceHeader } from "./TraceHeader";
import { buildTree, serviceShares } from "./tree";
import { useTraceKeys } from "./trace_keys";
import { useTraceState } from "./trace_state";
import { clampView, including, type View } from "./view";
import { rowHeight, Waterfall } from "./Waterfall";
import { WaterfallControls } from "./WaterfallControls";

type Props = { trace: Trace; logs: Log[]; logsFailed: ApiError | undefined; onReload: () => void };

export function TraceView({ trace, logs, logsFailed, onReload }: Props) {
  const tree = useMemo(() => buildTree(trace), [trace]);
  const state = useTraceState(tree);
  const { selected, setSelected, setPanelOpen, collapsed, setCollapsed, showLogs, setView, uncover } = state;
  const placedLogs = useMemo(() => placeLogs(tree, logs), [tree, logs]);
  const shares = useMemo(() => serviceShares(tree), [tree]);
  const segments = useMemo(() => criticalSegments(tree, trace.criticalPath), [tree, trace]);
  const errors = useMemo(() => tree.spans.flatMap((span, row) => (span.status === "error" ? [row] : [])), [tree]);
  const linkedRows = useMemo(() => new Set(trace.linkedFrom.map((link) => tree.indexById.get(link.targetSpanId) ?? -1)), [trace, tree]);

  const query = useDeferredValue(state.query);
  const finder = useMemo(() => new Finder(tree.spans, placedLogs.placed), [tree, placedLogs]);
  const matches = useMemo(() => finder.find(query), [finder, query]);
  const matchSet = useMemo(() => (query.trim() ? new Set(matches) : undefined), [matches, query]);

  const rows = useMemo(() => visibleRows(tree, collapsed, showLogs ? placedLogs.bySpan : undefined), [tree, collapsed, showLogs, placedLogs]);
  const virtual = useVirtualRows(rows.length, rowHeight, 16);
  const onView = useCallback((view: View) => setView(clampView(view, tree.total)), [setView, tree]);

  const target = useRef(-1);
  const goTo = useCallback(
    (row: number | undefined, openPanel = false) => {
      if (row === undefined || row < 0) return;
      uncover(row);
      setSelected(row);
      setView((view) => including(view, tree.start[row] ?? 0, tree.duration[row] ?? 0, tree.total));
      if (openPanel) setPanelOpen(true);
      target.current = row;
    },
    [uncover, setSelected, setPanelOpen, setView, tree],
  );
  // The first selection came with the address: bring it into view, as well as every later goal.
  useEffect(() => {
    if (selected < 0) return;
    const position = rows.indexOf(selected);
    virtual.reveal(position, target.current === selected ? "center" : "nearest");
    target.current = -1;
    // Only when the selection moves or the rows change, not when the user scrolls.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [selected, rows, state.operations]);

  const onSelect = useCallback(
    (row: number, openPanel: boolean) => {
      setSelected(row);
      if (openPanel) setPanelOpen(true);
    },
    [setSelected, setPanelOpen],
  );
  const { setOperations } = state;
  const showSpan = useCallback(
    (row: number) => {
      setOperations(false);
      goTo(row, true);
    },
    [setOperations, goTo],
  );
  const findNext = useCallback(
    (step: 1 | -1) => {
      // Enter may come before the matches of the last letter are shown.
      const current = query === state.query ? matches : finder.find(state.query);
      goTo(nextMatch(current, selected, step));
    },
    [goTo, finder, matches, query, state.query, selected],
  );
  const nextError = useCallback((step: 1 | -1) => goTo(nextMatch(errors, selected, step), true), [goTo, errors, selected]);
  useTraceKeys({ tree, rows, state, onView, findNext, nextError });

  const root = tree.spans[0];
  useEffect(() => {
    if (root) document.title = `${root.service}: ${root.name} · throughline`;
  }, [root]);
  const orphans = useMemo(() => tree.spans.filter((span) => span.orphan).length, [tree]);
  const skewed = useMemo(() => tree.spans.filter((span) => span.skewNs !== "0").length, [tree]);
  return (
    <>
      <TraceHeader
        trace={trace}
        tree={tree}
        shares={shares}
        state={state}
        counts={{ errors: errors.length, orphans, skewed, logs: logs.length, matches: matches.length }}
        matchPosition={matchSet ? matches.indexOf(selected) : -1}
        logsFailed={logsFailed}
        onFindNext={findNext}
        onNextError={nextError}
        onReload={onReload}
      />
      <div className="trace-body">
        {state.operations ? (
          <Operations tree={tree} onGoTo={showSpan} />
        ) : (
        <Waterfall
          tree={tree}
          rows={rows}
          virtual={virtual}
          view={state.view}
          onView={onView}
          selected={selected}
          onSelect={onSelect}
          collapsed={collapsed}
          onToggle={state.toggle}
          matches={matchSet}
          service={state.service}
          critical={state.critical ? segments : undefined}
          logs={placedLogs}
          linkedRows={linkedRows}
          controls={
            <WaterfallControls
              view={state.view}
              total={tree.total}
              onView={onView}
              hasErrors={errors.length > 0}
              hasMatches={matches.length > 0}
              onMatchesOnly={() => setCollapsed(collapseExcept(tree, matches))}
              onExpand={() => setCollapsed(new Set())}
              onCollapse={() => setCollapsed(collapseAll(tree))}
              onErrorsOnly={() => setCollapsed(collapseExcept(tree, errors))}
            />
          }
        />
        )}
        {state.panelOpen && selected >= 0 && <SpanPanel trace={trace} tree={tree} row={selected} logs={placedLogs} onClose={() => setPanelOpen(false)} onGoTo={goTo} />}
      </div>
    </>
  );
}
