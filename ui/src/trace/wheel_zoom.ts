import { type RefObject, useEffect } from "react";
import { pan, type View, zoomBy } from "./view";

/** Ctrl and the wheel zoom around the pointer; a sideways wheel (or Shift) moves along the time axis. */
export function useWheelZoom(root: RefObject<HTMLElement | null>, view: View, total: number, onView: (view: View) => void) {
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const wheel = (event: WheelEvent) => {
      const box = element.querySelector("[data-time-box]")?.getBoundingClientRect();
      if (!box || event.clientX < box.left) return;
      const width = view.to - view.from;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const around = view.from + ((event.clientX - box.left) / box.width) * width;
        onView(zoomBy(view, Math.exp(Math.sign(event.deltaY) * 0.18), around, total));
        return;
      }
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (Math.abs(sideways) > 0 && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
        event.preventDefault();
        onView(pan(view, (sideways / box.width) * width, total));
      }
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [root, view, total, onView]);
}
