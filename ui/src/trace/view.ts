/** The part of the trace's time that is on screen, in nanoseconds after its start. */

export type View = { from: number; to: number };

export const fullView = (total: number): View => ({ from: 0, to: total });

export function clampView(view: View, total: number): View {
  const least = Math.min(total, Math.max(100, total / 1e6));
  const width = Math.min(total, Math.max(least, view.to - view.from));
  const from = Math.min(Math.max(0, view.from), total - width);
  return { from, to: from + width };
}

export function isFull(view: View, total: number): boolean {
  return view.from <= 0 && view.to >= total;
}

/** Scales around a point that stays where it is. */
export function zoomBy(view: View, factor: number, around: number, total: number): View {
  return clampView({ from: around - (around - view.from) * factor, to: around + (view.to - around) * factor }, total);
}

export function pan(view: View, by: number, total: number): View {
  return clampView({ from: view.from + by, to: view.to + by }, total);
}

/** The view moved, not scaled, so that a span is in it. */
export function including(view: View, start: number, duration: number, total: number): View {
  if (start + duration >= view.from && start <= view.to) return view;
  const width = view.to - view.from;
  return clampView({ from: start - width * 0.3, to: start + width * 0.7 }, total);
}

export const share = (ns: number, view: View): number => (ns - view.from) / (view.to - view.from);

export function readView(text: string | null, total: number): View {
  const match = /^(\d+)-(\d+)$/.exec(text ?? "");
  if (!match || Number(match[1]) >= Number(match[2])) return fullView(total);
  return clampView({ from: Number(match[1]), to: Number(match[2]) }, total);
}

export function viewText(view: View, total: number): string | undefined {
  return isFull(view, total) ? undefined : `${Math.floor(view.from)}-${Math.ceil(view.to)}`;
}

/** Round instants inside the view, about `wanted` of them, and the unit they read best in. */
export function ticks(view: View, wanted: number): { at: number; label: string }[] {
  const raw = (view.to - view.from) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10);
  const list: { at: number; label: string }[] = [];
  for (let n = Math.ceil(view.from / step); n * step < view.to && list.length < 50; n += 1) {
    list.push({ at: n * step, label: tickLabel(n * step, step, view.to) });
  }
  return list;
}

function tickLabel(ns: number, step: number, largest: number): string {
  if (ns === 0) return "0";
  const [size, unit] = largest >= 1e9 ? [1e9, "s"] : largest >= 1e6 ? [1e6, "ms"] : largest >= 1e3 ? [1e3, "µs"] : [1, "ns"];
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step / size) + 1e-9)));
  return `${(ns / size).toFixed(digits)} ${unit}`;
}
