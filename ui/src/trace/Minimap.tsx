import { memo, type PointerEvent, useEffect, useRef, useState } from "react";
import { serviceColour } from "../colour";
import { cssColour, useTheme } from "../theme";
import type { Tree } from "./tree";
import { clampView, fullView, isFull, pan, type View } from "./view";

type Props = { tree: Tree; view: View; onView: (view: View) => void };

const height = 48;
const grip = 7;

type Drag = { kind: "new" | "left" | "right" | "pan"; startX: number; view: View };

/** The whole trace at a glance. Drag a range to zoom, its edges to change it, its middle to move it. */
export function Minimap({ tree, view, onView }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag | undefined>(undefined);
  const [draft, setDraft] = useState<View | undefined>();
  const { total } = tree;
  const shown = draft ?? view;
  const left = (shown.from / total) * 100;
  const right = (shown.to / total) * 100;

  const timeAt = (clientX: number) => {
    const box = root.current?.getBoundingClientRect();
    return box ? Math.min(1, Math.max(0, (clientX - box.left) / box.width)) * total : 0;
  };
  const kindAt = (clientX: number): Drag["kind"] => {
    const box = root.current?.getBoundingClientRect();
    if (!box || isFull(view, total)) return "new";
    const x = clientX - box.left;
    const [from, to] = [(view.from / total) * box.width, (view.to / total) * box.width];
    if (Math.abs(x - from) < grip) return "left";
    if (Math.abs(x - to) < grip) return "right";
    return x > from && x < to ? "pan" : "new";
  };
  const moved = (event: PointerEvent): View | undefined => {
    const { kind, startX, view: before } = drag.current ?? { kind: "none", startX: 0, view };
    const at = timeAt(event.clientX);
    if (kind === "left") return clampView({ from: Math.min(at, before.to), to: before.to }, total);
    if (kind === "right") return clampView({ from: before.from, to: Math.max(at, before.from) }, total);
    if (kind === "pan") return pan(before, at - timeAt(startX), total);
    if (kind === "new" && Math.abs(event.clientX - startX) > 3) {
      const start = timeAt(startX);
      return clampView({ from: Math.min(start, at), to: Math.max(start, at) }, total);
    }
    return undefined;
  };

  return (
    <div
      ref={root}
      className="minimap"
      style={{ height }}
      role="img"
      aria-label="Overview of the trace. Zoom by keyboard with + and -, reset with 0."
      onPointerDown={(event) => {
        drag.current = { kind: kindAt(event.clientX), startX: event.clientX, view };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (drag.current) setDraft(moved(event));
        else event.currentTarget.style.cursor = { new: "crosshair", left: "ew-resize", right: "ew-resize", pan: "grab" }[kindAt(event.clientX)];
      }}
      onPointerUp={(event) => {
        const next = moved(event);
        drag.current = undefined;
        setDraft(undefined);
        if (next) onView(next);
      }}
      onPointerCancel={() => {
        drag.current = undefined;
        setDraft(undefined);
      }}
      onDoubleClick={() => onView(fullView(total))}
    >
      <Picture tree={tree} />
      {!isFull(shown, total) && (
        <>
          <div className="minimap-shade" style={{ left: 0, width: `${left}%` }} />
          <div className="minimap-shade" style={{ left: `${right}%`, right: 0 }} />
          <div className="minimap-window" style={{ left: `${left}%`, width: `${right - left}%` }} />
        </>
      )}
    </div>
  );
}

const Picture = memo(function Picture({ tree }: { tree: Tree }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { dark } = useTheme();
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const draw = () => paint(element, tree, dark);
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [tree, dark]);
  return <canvas ref={canvas} />;
});

function paint(canvas: HTMLCanvasElement, tree: Tree, dark: boolean) {
  const scale = devicePixelRatio;
  const width = Math.round(canvas.clientWidth * scale);
  const tall = Math.round(height * scale);
  if (width === 0) return;
  canvas.width = width;
  canvas.height = tall;
  const context = canvas.getContext("2d");
  if (!context) return;
  const count = tree.spans.length;
  const line = Math.max(1 * scale, Math.min(4 * scale, (tall - 6) / count - 1));
  const rectangle = (row: number) => {
    const x = ((tree.start[row] ?? 0) / tree.total) * width;
    const wide = Math.max(scale, ((tree.duration[row] ?? 0) / tree.total) * width);
    context.fillRect(x, 3 * scale + (row / count) * (tall - 6 * scale), wide, line);
  };
  const colours = new Map<string, string>();
  const errors: number[] = [];
  for (const [row, span] of tree.spans.entries()) {
    if (span.status === "error") errors.push(row);
    let colour = colours.get(span.service);
    if (!colour) colours.set(span.service, (colour = serviceColour(span.service, dark)));
    context.fillStyle = colour;
    rectangle(row);
  }
  context.fillStyle = cssColour("--error");
  errors.forEach(rectangle);
}
