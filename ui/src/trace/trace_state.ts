/** What the trace page remembers: the selection, zoom and toggles go to the URL, the collapsed rows stay here. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useSetParameters } from "../router";
import { ancestors, type Tree } from "./tree";
import { readView, type View, viewText } from "./view";

const settleMs = 250;

export function useTraceState(tree: Tree) {
  const { parameters } = useLocation();
  const setParameters = useSetParameters();
  const [initial] = useState(() => new URLSearchParams(parameters));
  const linked = tree.indexById.get(initial.get("span") ?? "") ?? -1;
  const [selected, setSelected] = useState(linked);
  const [panelOpen, setPanelOpen] = useState(linked >= 0);
  const [view, setView] = useState<View>(() => readView(initial.get("view"), tree.total));
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(new Set());
  const [query, setQuery] = useState(initial.get("find") ?? "");
  const [critical, setCritical] = useState(initial.get("critical") === "1");
  const [showLogs, setShowLogs] = useState(initial.get("logs") === "1");
  const [operations, setOperations] = useState(initial.get("by") === "operation");
  const [service, setService] = useState<string | undefined>(initial.get("service") ?? undefined);

  // Browsers throttle history writes: wait until the hand rests.
  const written = useRef(initial.get("span") ?? undefined);
  useEffect(() => {
    const timer = setTimeout(() => {
      written.current = tree.spans[selected]?.spanId;
      setParameters({
        span: written.current,
        view: viewText(view, tree.total),
        find: query || undefined,
        critical: critical ? "1" : undefined,
        logs: showLogs ? "1" : undefined,
        by: operations ? "operation" : undefined,
        service,
      });
    }, settleMs);
    return () => clearTimeout(timer);
  }, [tree, selected, view, query, critical, showLogs, operations, service, setParameters]);

  // The address changed under the page (back, a link to another span of this trace): follow it.
  const addressed = parameters.get("span");
  useEffect(() => {
    const row = tree.indexById.get(addressed ?? "");
    if (row === undefined || addressed === written.current) return;
    written.current = addressed ?? undefined;
    setSelected(row);
    setPanelOpen(true);
  }, [addressed, tree]);

  const toggle = useCallback((row: number) => {
    setCollapsed((before) => {
      const after = new Set(before);
      if (!after.delete(row)) after.add(row);
      return after;
    });
  }, []);

  /** Opens what hides a row. */
  const uncover = useCallback(
    (row: number) => {
      const above = ancestors(tree, row);
      setCollapsed((before) => (above.some((at) => before.has(at)) ? new Set([...before].filter((at) => !above.includes(at))) : before));
    },
    [tree],
  );

  return useMemo(
    () => ({
      selected, setSelected, panelOpen, setPanelOpen, view, setView, collapsed, setCollapsed, toggle, uncover,
      query, setQuery, critical, setCritical, showLogs, setShowLogs, service, setService, operations, setOperations,
    }),
    [selected, panelOpen, view, collapsed, toggle, uncover, query, critical, showLogs, operations, service],
  );
}

export type TraceState = ReturnType<typeof useTraceState>;
