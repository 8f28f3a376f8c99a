import { type CSSProperties, type MouseEvent, type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { VirtualRows } from "../parts/virtual_rows";
import { Splitter, useStoredSize } from "../parts/Splitter";
import { useTheme } from "../theme";
import type { Segment } from "./critical_path";
import { LogLine } from "./LogLine";
import { Minimap } from "./Minimap";
import { isLog, logOf, type PlacedLog, type Row } from "./rows";
import { GridLines, TimeAxis, useDragZoom } from "./TimeAxis";
import { hasChildren, type Tree } from "./tree";
import { useWheelZoom } from "./wheel_zoom";
import { rowHeight, WaterfallRow } from "./WaterfallRow";
import type { View } from "./view";

type Props = {
  tree: Tree;
  rows: Row[];
  virtual: VirtualRows;
  view: View;
  onView: (view: View) => void;
  selected: number;
  onSelect: (row: number, openPanel: boolean) => void;
  collapsed: ReadonlySet<number>;
  onToggle: (row: number) => void;
  matches: ReadonlySet<number> | undefined;
  service: string | undefined;
  critical: Map<number, Segment[]> | undefined;
  logs: { placed: PlacedLog[]; bySpan: Map<number, number[]> };
  linkedRows: ReadonlySet<number>;
  controls: ReactNode;
};

export function Waterfall(props: Props) {
  const { tree, rows, virtual, view, onView, selected, onSelect, collapsed, onToggle } = props;
  const { dark } = useTheme();
  const root = useRef<HTMLDivElement>(null);
  const [nameWidth, setNameWidth] = useStoredSize("name-width", 400);
  const [timeWidth, setTimeWidth] = useState(800);
  const marked = useDragZoom(root, view, onView);
  useWheelZoom(root, view, tree.total, onView);

  useEffect(() => {
    const element = root.current;
    const scroller = virtual.scroller.current;
    if (!element || !scroller) return;
    const observer = new ResizeObserver(() => {
      element.style.setProperty("--scrollbar", `${scroller.offsetWidth - scroller.clientWidth}px`);
      setTimeWidth(element.querySelector("[data-time-box]")?.clientWidth ?? 800);
    });
    observer.observe(scroller);
    return () => observer.disconnect();
  }, [virtual.scroller, nameWidth]);

  const indent = Math.max(2, Math.min(14, (nameWidth * 0.5) / Math.max(1, tree.maxDepth)));
  const wanted = Math.max(2, Math.floor(timeWidth / 85));
  const onClick = useCallback(
    (event: MouseEvent) => {
      const target = event.target as Element;
      const caret = target.closest<HTMLElement>("[data-caret]");
      const row = target.closest<HTMLElement>("[data-row]");
      if (caret) onToggle(Number(caret.dataset.caret));
      else if (row) onSelect(Number(row.dataset.row), true);
    },
    [onToggle, onSelect],
  );
  const style = { "--name-width": `min(${nameWidth}px, 50vw)` } as CSSProperties;
  return (
    <div className="waterfall" ref={root} style={style}>
      <div className="wf-head">
        <div className="wf-head-name">{props.controls}</div>
        <div className="wf-head-time">
          <Minimap tree={tree} view={view} onView={onView} />
          <div data-time>
            <TimeAxis view={view} wanted={wanted} />
          </div>
        </div>
      </div>
      <div className="wf-body">
        <div className="wf-grid" data-time-box>
          <GridLines view={view} wanted={wanted} />
          {marked && <div className="wf-marked" style={{ left: `${marked.left}%`, width: `${marked.width}%` }} />}
        </div>
        <div
          className="wf-scroll"
          ref={virtual.attach}
          onScroll={virtual.onScroll}
          onClick={onClick}
          role="tree"
          aria-label={`Spans of the trace, ${tree.spans.length}`}
          aria-activedescendant={selected >= 0 ? `span-${selected}` : undefined}
          tabIndex={0}
        >
          <div style={{ height: virtual.totalHeight, position: "relative" }} role="presentation">
            {rows.slice(virtual.first, virtual.last).map((row, offset) => (
              <OneRow key={row} {...props} row={row} position={virtual.first + offset} indent={indent} dark={dark} isCollapsed={collapsed.has(row)} isSelected={row === selected} />
            ))}
          </div>
        </div>
        <Splitter label="Width of the names" at={nameWidth} min={180} max={900} onMove={setNameWidth} className="wf-splitter" />
      </div>
    </div>
  );
}

type RowProps = Props & { row: Row; position: number; indent: number; dark: boolean; isCollapsed: boolean; isSelected: boolean };

function OneRow({ tree, row, position, indent, dark, isCollapsed, isSelected, view, matches, service, critical, logs, linkedRows }: RowProps) {
  const span = tree.spans[row];
  const logTimes = useMemo(() => logs.bySpan.get(row)?.map((index) => logs.placed[index]?.at).join(" "), [logs, row]);
  if (isLog(row)) {
    const index = logOf(row);
    const placed = logs.placed[index];
    if (!placed) return null;
    return <LogLine log={placed.log} at={placed.at} index={index} span={placed.span} position={position} depth={tree.depth[placed.span] ?? 0} indent={indent} view={view} />;
  }
  if (!span) return null;
  const parent = tree.spans[tree.parent[row] ?? -1];
  const below = hasChildren(tree, row) ? (tree.subtreeEnd[row] ?? 0) - row - 1 : 0;
  const offMatch = matches !== undefined && !matches.has(row);
  const offService = service !== undefined && span.service !== service;
  return (
    <WaterfallRow
      span={span}
      row={row}
      position={position}
      depth={tree.depth[row] ?? 0}
      indent={indent}
      start={tree.start[row] ?? 0}
      duration={tree.duration[row] ?? 0}
      view={view}
      dark={dark}
      below={below}
      collapsed={isCollapsed}
      selected={isSelected}
      match={matches !== undefined && !offMatch}
      dimmed={offMatch || offService || (critical !== undefined && !critical.has(row))}
      newService={span.service !== parent?.service}
      critical={critical?.get(row)}
      base={tree.base}
      self={tree.self[row] ?? 0}
      logTimes={logTimes}
      linked={span.links.length > 0 || linkedRows.has(row)}
    />
  );
}

export { rowHeight };
