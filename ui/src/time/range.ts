/** The time range of a page: relative to now, or between two instants. Its text is what the URL holds. */
import type { Window } from "../api/client";
import { formatClock, formatDay, formatInstant } from "./format";

export type Range = { kind: "relative"; text: string } | { kind: "absolute"; start: number; end: number };

export const defaultRange: Range = { kind: "relative", text: "1h" };

export const relativeChoices = ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "30d"];

const unitMs: Record<string, number> = { s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3, w: 604_800e3 };

export function relativeMs(text: string): number | undefined {
  const match = /^(\d{1,5})([smhdw])$/.exec(text.trim());
  if (!match) return undefined;
  const ms = Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0);
  return ms > 0 ? ms : undefined;
}

export function readRange(parameters: URLSearchParams): Range {
  const start = Number(parameters.get("from") ?? Number.NaN);
  const end = Number(parameters.get("to") ?? Number.NaN);
  if (Number.isFinite(start) && Number.isFinite(end) && start < end) return { kind: "absolute", start, end };
  const text = parameters.get("range");
  return text && relativeMs(text) ? { kind: "relative", text } : defaultRange;
}

export function rangeParameters(range: Range): { range?: string; from?: string; to?: string } {
  if (range.kind === "absolute") {
    return { range: undefined, from: String(Math.round(range.start)), to: String(Math.round(range.end)) };
  }
  return { range: range.text === "1h" ? undefined : range.text, from: undefined, to: undefined };
}

export function resolveRange(range: Range, now: number): Window {
  if (range.kind === "absolute") return { start: range.start, end: range.end };
  // A little past now, for clients whose clocks run ahead.
  return { start: now - (relativeMs(range.text) ?? 3_600e3), end: now + 5_000 };
}

export function describeRange(range: Range): string {
  if (range.kind === "relative") return `Last ${range.text}`;
  const sameDay = formatDay(range.start) === formatDay(range.end);
  const short = (ms: number) => formatInstant(ms).replace(/\.\d{3}$/, "");
  return `${short(range.start)} – ${sameDay ? formatClock(range.end, false) : short(range.end)}`;
}

/** Local time without zone, as typed: `2026-03-01 14:05`, `14:05` (today), or epoch seconds or milliseconds. */
export function parseInstant(text: string, now: number): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "now") return now;
  if (/^\d{10}$/.test(trimmed)) return Number(trimmed) * 1000;
  if (/^\d{13}$/.test(trimmed)) return Number(trimmed);
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(trimmed);
  if (clock) {
    const at = new Date(now);
    return at.setHours(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), 0);
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(trimmed)) return undefined;
  const ms = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(trimmed) ? `${trimmed}T00:00` : trimmed.replace(" ", "T"));
  return Number.isNaN(ms) ? undefined : ms;
}

/** A search window around a trace: the default hour while the trace is in it, else half an hour either side. */
export function rangeAround(startMs: number, endMs: number, now: number): Range {
  if (startMs > now - 3_000_000) return defaultRange;
  return { kind: "absolute", start: startMs - 1_800_000, end: endMs + 1_800_000 };
}
