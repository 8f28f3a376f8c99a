/** Where a bar and its label go in the time column, as percentages. */
import { share, type View } from "./view";

export type Bar = {
  left: number;
  width: number;
  label: "after" | "before" | "inside";
  outside: "left" | "right" | undefined;
};

export function barOf(start: number, duration: number, view: View): Bar {
  const from = share(start, view) * 100;
  const to = share(start + duration, view) * 100;
  if (to < 0) return { left: 0, width: 0, label: "after", outside: "left" };
  if (from > 100) return { left: 100, width: 0, label: "before", outside: "right" };
  const left = Math.max(0, from);
  const right = Math.min(100, to);
  const label = right <= 88 ? "after" : left >= 12 ? "before" : "inside";
  return { left, width: right - left, label, outside: undefined };
}
