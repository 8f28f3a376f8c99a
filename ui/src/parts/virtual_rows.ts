/** Which rows of a long list of equal heights are near the viewport. */
import { type RefObject, useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";

export type VirtualRows = {
  scroller: RefObject<HTMLDivElement | null>;
  /** The `ref` of the scrolling element, which may come and go. */
  attach: (element: HTMLDivElement | null) => void;
  first: number;
  last: number;
  totalHeight: number;
  viewHeight: number;
  onScroll: () => void;
  reveal: (index: number, align?: "nearest" | "center") => void;
};

type Place = { scrollTop: number; viewHeight: number; rowHeight: number; count: number; overscan: number; moved: number };

/** `moved`: pixels since the last look. Rows are made ready ahead of a fast scroll, not behind it. */
export function visibleRange({ scrollTop, viewHeight, rowHeight, count, overscan, moved }: Place) {
  // Moves in steps, so that small scrolls render nothing new.
  const step = Math.max(1, Math.floor(overscan / 2));
  const top = Math.floor(scrollTop / rowHeight / step) * step;
  const ahead = Math.min(aheadMax, Math.ceil((Math.abs(moved) / rowHeight) * 1.5));
  const up = moved < 0 ? Math.max(overscan, ahead) : overscan;
  const down = moved > 0 ? Math.max(overscan, ahead) : overscan;
  const first = Math.max(0, top - up);
  const last = Math.min(count, top + Math.ceil(viewHeight / rowHeight) + step + down);
  return { first: Math.min(first, last), last };
}

const aheadMax = 60;

export function useVirtualRows(count: number, rowHeight: number, overscan = 12): VirtualRows {
  const scroller = useRef<HTMLDivElement | null>(null);
  const seen = useRef(0);
  const [attached, setAttached] = useState<HTMLDivElement | null>(null);
  const attach = useCallback((element: HTMLDivElement | null) => {
    scroller.current = element;
    seen.current = 0;
    setAttached(element);
  }, []);
  const [viewHeight, setViewHeight] = useState(600);
  const [range, setRange] = useState({ first: 0, last: 60 });

  const measure = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop, clientHeight: viewHeight } = element;
    const next = visibleRange({ scrollTop, viewHeight, rowHeight, count, overscan, moved: scrollTop - seen.current });
    seen.current = scrollTop;
    setRange((before) => (before.first === next.first && before.last === next.last ? before : next));
  }, [count, rowHeight, overscan]);

  useLayoutEffect(() => {
    const element = attached;
    if (!element) return;
    const resized = () => {
      setViewHeight(element.clientHeight);
      measure();
    };
    resized();
    const observer = new ResizeObserver(resized);
    observer.observe(element);
    return () => observer.disconnect();
  }, [measure, attached]);

  const reveal = useCallback(
    (index: number, align: "nearest" | "center" = "nearest") => {
      const element = scroller.current;
      if (!element || index < 0) return;
      const top = index * rowHeight;
      const view = element.clientHeight;
      const hidden = top < element.scrollTop || top + rowHeight > element.scrollTop + view;
      if (!hidden) return;
      if (align === "center") element.scrollTop = top - view / 2;
      else if (top < element.scrollTop) element.scrollTop = top - rowHeight;
      else element.scrollTop = top + 2 * rowHeight - view;
    },
    [rowHeight],
  );

  return useMemo(
    () => ({ scroller, attach, first: Math.min(range.first, count), last: Math.min(range.last, count), totalHeight: count * rowHeight, viewHeight, onScroll: measure, reveal }),
    [range, count, rowHeight, viewHeight, attach, measure, reveal],
  );
}
