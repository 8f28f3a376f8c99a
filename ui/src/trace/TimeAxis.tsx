import { type RefObject, useEffect, useState } from "react";
import { share, ticks, type View } from "./view";

/** Beyond this share of the width a label stands before its line, not after it. */
const lastPlace = 0.93;

export function TimeAxis({ view, wanted }: { view: View; wanted: number }) {
  return (
    <div className="axis" aria-hidden="true">
      {ticks(view, wanted).map(({ at, label }) => (
        <span key={at} className={share(at, view) > lastPlace ? "before" : undefined} style={{ left: `${share(at, view) * 100}%` }}>
          {label}
        </span>
      ))}
    </div>
  );
}

export function GridLines({ view, wanted }: { view: View; wanted: number }) {
  return (
    <>
      {ticks(view, wanted).map(({ at }) => (
        <i key={at} className="grid-line" style={{ left: `${share(at, view) * 100}%` }} />
      ))}
    </>
  );
}

/** Dragging across the time column marks a range; letting go zooms to it. */
export function useDragZoom(column: RefObject<HTMLElement | null>, view: View, onView: (view: View) => void) {
  const [marked, setMarked] = useState<{ left: number; width: number } | undefined>();
  useEffect(() => {
    const element = column.current;
    if (!element) return;
    let startX: number | undefined;
    const at = (clientX: number, box: DOMRect) => Math.min(1, Math.max(0, (clientX - box.left) / box.width));
    const down = (event: globalThis.PointerEvent) => {
      const inTime = event.target instanceof Element && event.target.closest("[data-time]");
      if (event.button === 0 && inTime) startX = event.clientX;
    };
    const move = (event: globalThis.PointerEvent) => {
      if (startX === undefined) return;
      if (Math.abs(event.clientX - startX) < 5) return setMarked(undefined);
      const box = timeBox(element);
      const [a, b] = [at(startX, box), at(event.clientX, box)];
      event.preventDefault();
      setMarked({ left: Math.min(a, b) * 100, width: Math.abs(a - b) * 100 });
    };
    const up = (event: globalThis.PointerEvent) => {
      if (startX === undefined) return;
      const box = timeBox(element);
      const [a, b] = [at(startX, box), at(event.clientX, box)];
      const dragged = Math.abs(event.clientX - startX) >= 5;
      startX = undefined;
      setMarked(undefined);
      if (!dragged) return;
      element.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => element.removeEventListener("click", swallow, { capture: true }), 0);
      const width = view.to - view.from;
      onView({ from: view.from + Math.min(a, b) * width, to: view.from + Math.max(a, b) * width });
    };
    element.addEventListener("pointerdown", down);
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    return () => {
      element.removeEventListener("pointerdown", down);
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
    };
  }, [column, view, onView]);
  return marked;
}

const swallow = (event: Event) => event.stopPropagation();

function timeBox(element: HTMLElement): DOMRect {
  return (element.querySelector("[data-time-box]") ?? element).getBoundingClientRect();
}
