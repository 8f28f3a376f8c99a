import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import type { Window } from "../api/client";
import type { TraceSummary } from "../api/types";
import { serviceColour } from "../colour";
import { navigate } from "../router";
import { cssColour, useTheme } from "../theme";
import { formatClock, formatDay, formatDuration, formatInstant, msOf } from "../time/format";
import { decadeLabel, decades, decadeSplits, nearest, type Point, pointsOf, shownWindow } from "./scatter_data";

type Props = {
  traces: TraceSummary[];
  window: Window;
  complete: boolean;
  selected: string | undefined;
  onZoom: (window: Window) => void;
};

const height = 132;
const reach = 14;

/** Duration over time, one dot a trace. Click opens it; dragging sideways narrows the time range. */
export function Scatter({ traces, window: asked, complete, selected, onZoom }: Props) {
  const { dark } = useTheme();
  const host = useRef<HTMLDivElement>(null);
  const points = useMemo(() => pointsOf(traces), [traces]);
  const shown = useMemo(() => shownWindow(points, asked, complete), [points, asked, complete]);
  const [hover, setHover] = useState<{ point: Point; left: number; top: number } | undefined>();
  const zoom = useRef(onZoom);
  const marked = useRef(selected);
  const chart = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    zoom.current = onZoom;
    marked.current = selected;
    chart.current?.redraw(false);
  });

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const colours = traces.map((trace) => (trace.errorCount > 0 ? cssColour("--error") : serviceColour(trace.rootService, dark)));
    const plot = new uPlot(
      options(element.clientWidth, shown, points, {
        colourOf: (point) => colours[point.index] ?? "",
        isMarked: (point) => traces[point.index]?.traceId === marked.current,
        onZoom: (window) => zoom.current(window),
      }),
      [points.map((p) => p.x), points.map((p) => p.y)],
      element,
    );
    chart.current = plot;
    const observer = new ResizeObserver(() => element.clientWidth > 0 && plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    const over = plot.over;
    const at = (event: MouseEvent) => {
      const places = points.map((p) => ({ left: plot.valToPos(p.x, "x"), top: plot.valToPos(p.y, "y") }));
      const box = over.getBoundingClientRect();
      const found = nearest(places, event.clientX - box.left, event.clientY - box.top, reach);
      const place = places[found];
      const point = points[found];
      return point && place ? { point, left: place.left + over.offsetLeft, top: place.top + over.offsetTop } : undefined;
    };
    const move = (event: MouseEvent) => {
      const found = at(event);
      over.style.cursor = found ? "pointer" : "crosshair";
      setHover(found);
    };
    const leave = () => setHover(undefined);
    let pressed = 0;
    const down = (event: MouseEvent) => (pressed = event.clientX);
    const click = (event: MouseEvent) => {
      const found = Math.abs(event.clientX - pressed) < 4 ? at(event) : undefined;
      const trace = found && traces[found.point.index];
      if (trace) navigate(`/trace/${trace.traceId}`);
    };
    over.addEventListener("mousemove", move);
    over.addEventListener("mouseleave", leave);
    over.addEventListener("mousedown", down);
    over.addEventListener("click", click);
    return () => {
      observer.disconnect();
      plot.destroy();
      chart.current = undefined;
      setHover(undefined);
    };
  }, [traces, points, shown, dark]);

  const trace = hover && traces[hover.point.index];
  return (
    <figure className="scatter" aria-label={`Duration over time of ${traces.length} traces. The list below holds the same traces.`}>
      <div ref={host} />
      {hover && trace && (
        <div className="chart-tip" style={{ left: hover.left, top: hover.top }} data-side={hover.left > 500 ? "left" : "right"}>
          <b>{formatDuration(Number(trace.durationNs))}</b> {trace.rootService}: {trace.rootName}
          <div className="muted">
            {formatInstant(msOf(trace.startNs))} · {trace.spanCount} spans{trace.errorCount > 0 && ` · ${trace.errorCount} errors`}
          </div>
        </div>
      )}
    </figure>
  );
}

function timeLabel(ms: number, { start, end }: Window): string {
  // At the very edges a label would be cut off or meet the other axis.
  if (ms < start + (end - start) * 0.02 || ms > end - (end - start) * 0.01) return "";
  if (end - start > 36 * 3_600_000) return `${formatDay(ms).slice(5)} ${formatClock(ms, false).slice(0, 5)}`;
  const clock = formatClock(ms, false);
  return end - start > 600_000 ? clock.slice(0, 5) : clock;
}

type Drawing = {
  colourOf: (point: Point) => string;
  isMarked: (point: Point) => boolean;
  onZoom: (window: Window) => void;
};

function options(width: number, shown: Window, points: Point[], drawing: Drawing): uPlot.Options {
  const text = cssColour("--muted");
  const grid = { stroke: cssColour("--line"), width: 1 };
  const font = "11px system-ui, sans-serif";
  return {
    width,
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { points: { show: false }, x: false, y: false, drag: { x: true, y: false, setScale: false } },
    scales: { x: { time: true, range: () => [shown.start / 1000, shown.end / 1000] }, y: { distr: 3, range: () => decades(points) } },
    axes: [
      { stroke: text, font, grid, ticks: { show: false }, size: 24, gap: 4, space: 90, values: (_, splits) => splits.map((second) => timeLabel(second * 1000, shown)) },
      { stroke: text, font, grid, ticks: { show: false }, size: 58, gap: 6, splits: (_, __, low, high) => decadeSplits(low, high), filter: (_, splits) => splits, values: (_, splits) => splits.map(decadeLabel) },
    ],
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: {
      draw: [(plot) => drawPoints(plot, points, drawing)],
      setSelect: [
        (plot) => {
          const { left, width: wide } = plot.select;
          if (wide < 6) return;
          drawing.onZoom({ start: plot.posToVal(left, "x") * 1000, end: plot.posToVal(left + wide, "x") * 1000 });
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

function drawPoints(plot: uPlot, points: Point[], { colourOf, isMarked }: Drawing) {
  const { ctx } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  for (const point of points) {
    const x = plot.valToPos(point.x, "x", true);
    const y = plot.valToPos(point.y, "y", true);
    ctx.globalAlpha = 0.85;
    ctx.fillStyle = colourOf(point);
    ctx.beginPath();
    if (point.error) ctx.rect(x - 3.5 * scale, y - 3.5 * scale, 7 * scale, 7 * scale);
    else ctx.arc(x, y, 3.6 * scale, 0, 2 * Math.PI);
    ctx.fill();
    if (!isMarked(point)) continue;
    ctx.globalAlpha = 1;
    ctx.lineWidth = 2 * scale;
    ctx.strokeStyle = cssColour("--text");
    ctx.beginPath();
    ctx.arc(x, y, 7 * scale, 0, 2 * Math.PI);
    ctx.stroke();
  }
  ctx.restore();
}
