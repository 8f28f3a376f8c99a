import { useKeys } from "../parts/keys";
import { navigate } from "../router";
import { collapseAll, isLog, type Row } from "./rows";
import { hasChildren, type Tree } from "./tree";
import type { TraceState } from "./trace_state";
import { fullView, pan, type View, zoomBy } from "./view";

type Given = {
  tree: Tree;
  rows: Row[];
  state: TraceState;
  onView: (view: View) => void;
  findNext: (step: 1 | -1) => void;
  nextError: (step: 1 | -1) => void;
};

const findField = () => document.querySelector<HTMLInputElement>("[data-shortcut=find]");

export function useTraceKeys({ tree, rows, state, onView, findNext, nextError }: Given) {
  const { selected, setSelected, collapsed, toggle, setCollapsed, view, panelOpen, setPanelOpen } = state;
  const move = (step: number) => {
    let at = selected < 0 ? -1 : rows.indexOf(selected);
    do at += step;
    while (at > 0 && at < rows.length && isLog(rows[at] ?? 0));
    const row = rows[Math.max(0, Math.min(rows.length - 1, at))];
    if (row !== undefined && !isLog(row)) setSelected(row);
  };
  const middle = (view.from + view.to) / 2;
  const around = selected < 0 ? middle : Math.min(view.to, Math.max(view.from, tree.start[selected] ?? middle));
  const right = () => {
    if (selected < 0) return move(1);
    if (collapsed.has(selected)) toggle(selected);
    else if (hasChildren(tree, selected)) setSelected(selected + 1);
  };
  const left = () => {
    if (selected < 0) return;
    if (hasChildren(tree, selected) && !collapsed.has(selected)) toggle(selected);
    else if ((tree.parent[selected] ?? -1) >= 0) setSelected(tree.parent[selected] as number);
  };
  const escape = () => {
    const field = findField();
    if (field && document.activeElement === field) {
      state.setQuery("");
      field.blur();
    } else if (panelOpen) setPanelOpen(false);
    else if (state.service) state.setService(undefined);
    else if (state.query) state.setQuery("");
  };
  const zoomToSpan = () => {
    if (selected < 0) return;
    const start = tree.start[selected] ?? 0;
    const length = Math.max(tree.duration[selected] ?? 0, 1000);
    onView({ from: start - length * 0.05, to: start + length * 1.05 });
  };
  useKeys("Trace", [
    { keys: ["j", "ArrowDown"], label: "Next span", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous span", run: () => move(-1) },
    { keys: ["PageDown"], label: "Twenty spans down", run: () => move(20) },
    { keys: ["PageUp"], label: "Twenty spans up", run: () => move(-20) },
    { keys: ["Home"], label: "First span", run: () => setSelected(0) },
    { keys: ["ArrowRight"], label: "Open the subtree, or first child", run: right },
    { keys: ["ArrowLeft"], label: "Close the subtree, or parent", run: left },
    { keys: ["Enter"], label: "Span details", run: () => (selected < 0 ? move(1) : setPanelOpen(!panelOpen)) },
    { keys: ["/"], label: "Find in this trace", run: () => findField()?.focus() },
    { keys: ["n"], label: "Next match", run: () => findNext(1) },
    { keys: ["N"], label: "Previous match", run: () => findNext(-1) },
    { keys: ["e"], label: "Next error", run: () => nextError(1) },
    { keys: ["E"], label: "Previous error", run: () => nextError(-1) },
    { keys: ["c"], label: "Critical path", run: () => state.setCritical(!state.critical) },
    { keys: ["l"], label: "Logs in place", run: () => state.setShowLogs(!state.showLogs) },
    { keys: ["o"], label: "Operations, or the waterfall", run: () => state.setOperations(!state.operations) },
    { keys: ["x"], label: "Collapse or expand all", run: () => setCollapsed(collapsed.size > 0 ? new Set() : collapseAll(tree)) },
    { keys: ["+", "="], label: "Zoom in", run: () => onView(zoomBy(view, 0.6, around, tree.total)) },
    { keys: ["-"], label: "Zoom out", run: () => onView(zoomBy(view, 1 / 0.6, around, tree.total)) },
    { keys: ["["], label: "Earlier", run: () => onView(pan(view, (view.from - view.to) / 4, tree.total)) },
    { keys: ["]"], label: "Later", run: () => onView(pan(view, (view.to - view.from) / 4, tree.total)) },
    { keys: ["z"], label: "Zoom to the span", run: zoomToSpan },
    { keys: ["0"], label: "Whole trace", run: () => onView(fullView(tree.total)) },
    { keys: ["Escape"], label: "Close details, leave the search", always: true, run: escape },
    { keys: ["u"], label: "Back to the search", run: () => (history.length > 1 ? history.back() : navigate("/search")) },
  ]);
}
