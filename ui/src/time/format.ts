/** Times and durations as people read them. Nanosecond strings stay exact; doubles only after subtraction. */

/** Milliseconds since the epoch of a nanosecond string (microsecond precision survives). */
export function msOf(ns: string): number {
  if (ns.length <= 6) return Number(ns) / 1e6;
  return Number(ns.slice(0, -6)) + Number(ns.slice(-6)) / 1e6;
}

/** `ns - base` as a double: exact up to 104 days. */
export function offsetNs(ns: string, base: bigint): number {
  return Number(BigInt(ns) - base);
}

const units: [number, string][] = [
  [86_400e9, "d"],
  [3_600e9, "h"],
  [60e9, "m"],
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
];

/** Three significant digits and a unit: `1.24 ms`, `12.4 s`, `2m 5s`. */
export function formatDuration(ns: number): string {
  if (!Number.isFinite(ns)) return "–";
  if (ns < 0) return `−${formatDuration(-ns)}`;
  if (ns >= 60e9 - 5e6) return compound(ns);
  for (const [size, unit] of units.slice(3)) {
    if (ns >= size * 0.9995) return `${significant(ns / size)} ${unit}`;
  }
  return `${Math.round(ns)} ns`;
}

function compound(ns: number): string {
  const at = units.findIndex(([size]) => Math.round(ns / 1e9) * 1e9 >= size);
  const [size, unit] = units[at] ?? [60e9, "m"];
  const [smaller, smallUnit] = units[at + 1] ?? [1e9, "s"];
  let whole = Math.floor(ns / size);
  let rest = Math.round((ns - whole * size) / smaller);
  if (rest * smaller >= size) {
    whole += 1;
    rest = 0;
  }
  return rest === 0 ? `${whole}${unit}` : `${whole}${unit} ${rest}${smallUnit}`;
}

function significant(value: number): string {
  if (value >= 99.95) return String(Math.round(value));
  if (value >= 9.995) return value.toFixed(1).replace(/\.0$/, "");
  return value.toFixed(2).replace(/\.?0+$/, "");
}

const two = (n: number) => String(n).padStart(2, "0");
const three = (n: number) => String(n).padStart(3, "0");

export function formatClock(ms: number, withMs = true): string {
  const at = new Date(ms);
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return withMs ? `${clock}.${three(at.getMilliseconds())}` : clock;
}

export function formatDay(ms: number): string {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function formatInstant(ms: number): string {
  return `${formatDay(ms)} ${formatClock(ms)}`;
}

/** Today only the clock, other days with the date. */
export function formatNear(ms: number, now: number): string {
  const clock = formatClock(ms, false);
  return formatDay(ms) === formatDay(now) ? clock : `${formatDay(ms).slice(5)} ${clock}`;
}

export function formatAgo(ms: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}

/** `1.5s`, `200ms`, `3us`, `1m30s`: the forms TraceQL takes. Undefined when it is none of them. */
export function parseDuration(text: string): number | undefined {
  const compact = text.trim().replace(/\s+/g, "");
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(compact)) return undefined;
  const size: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3_600e9 };
  let total = 0;
  for (const part of compact.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(part[1]) * (size[part[2] ?? ""] ?? 0);
  }
  return total;
}
