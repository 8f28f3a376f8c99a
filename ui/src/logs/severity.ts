import type { Log } from "../api/types";

/** OTLP severity numbers come in fours: TRACE 1-4, DEBUG 5-8, INFO 9-12, WARN 13-16, ERROR 17-20, FATAL 21-24. */
const names = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;

export const severities: { number: number; name: string }[] = names.map((name, at) => ({ number: at * 4 + 1, name }));

function level(number: number): number {
  return Math.min(5, Math.max(0, Math.floor((number - 1) / 4)));
}

export function severityName({ severityNumber, severityText }: Pick<Log, "severityNumber" | "severityText">): string {
  if (severityNumber > 0) return names[level(severityNumber)] ?? "";
  return severityText?.toUpperCase() || "–";
}

export function severityClass(number: number): string {
  return number <= 0 ? "sev-none" : `sev-${(names[level(number)] ?? "none").toLowerCase()}`;
}
