/** The one place that talks to the server. Every call takes a signal, so leaving a page ends its queries. */
import type { LogResult, Metric, SearchResult, ServerStatus, ServiceCount, TagScopes, TagValues, Trace } from "./types";

export type ErrorCode = "invalid" | "not_found" | "overloaded" | "limit" | "internal" | "network";

export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    /** Byte offset into the query text, when the fault lies there. */
    readonly position?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

type Parameters = Record<string, string | number | undefined>;

export function apiUrl(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") query.set(key, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function get<T>(path: string, parameters: Parameters, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(apiUrl(path, parameters), { signal, headers: { accept: "application/json" } });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError("network", "The server does not answer. Is throughline still running?");
  }
  if (!response.ok) throw await failure(response);
  return (await response.json()) as T;
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as { error: { code: ErrorCode; message: string; position?: number } };
    return new ApiError(error.code, error.message, error.position ?? undefined);
  } catch {
    return new ApiError("internal", text.trim().slice(0, 300) || `The server answered ${response.status}.`);
  }
}

export type Window = { start: number; end: number };

/** The server takes whole seconds: widen outward so that no edge is lost. */
function seconds(window: Window | undefined): Parameters {
  return window ? { start: Math.floor(window.start / 1000), end: Math.ceil(window.end / 1000) } : {};
}

export function search(q: string, window: Window, limit: number, signal: AbortSignal): Promise<SearchResult> {
  return get("/api/v1/search", { q, ...seconds(window), limit }, signal);
}

export function trace(traceId: string, signal: AbortSignal): Promise<Trace> {
  return get(`/api/v1/traces/${traceId}`, {}, signal);
}

export function otlpUrl(traceId: string): string {
  return `/api/v1/traces/${traceId}/otlp`;
}

export async function services(window: Window | undefined, signal?: AbortSignal): Promise<ServiceCount[]> {
  return (await get<{ services: ServiceCount[] }>("/api/v1/services", seconds(window), signal)).services;
}

export async function operations(service: string, window: Window, signal?: AbortSignal): Promise<string[]> {
  const answer = await get<{ operations: { name: string }[] }>("/api/v1/operations", { service, ...seconds(window) }, signal);
  return [...new Set(answer.operations.map((operation) => operation.name))];
}

export type LogQuery = {
  window?: Window;
  service?: string;
  severity?: number;
  contains?: string;
  traceId?: string;
  limit: number;
};

export function logs(query: LogQuery, signal?: AbortSignal): Promise<LogResult> {
  const { window, ...rest } = query;
  return get("/api/v1/logs", { ...seconds(window), ...rest }, signal);
}

export async function metrics(window: Window, signal?: AbortSignal): Promise<Metric[]> {
  return (await get<{ metrics: Metric[] }>("/api/v1/metrics", seconds(window), signal)).metrics;
}

export function status(signal?: AbortSignal): Promise<ServerStatus> {
  return get("/api/v1/status", {}, signal);
}

export function tagNames(q: string, window: Window, signal?: AbortSignal): Promise<TagScopes> {
  return get("/tempo/api/v2/search/tags", { q, ...seconds(window), limit: 500 }, signal);
}

export function tagValues(tag: string, q: string, window: Window, signal?: AbortSignal): Promise<TagValues> {
  const path = `/tempo/api/v2/search/tag/${encodeURIComponent(tag)}/values`;
  return get(path, { q, ...seconds(window), limit: 200 }, signal);
}
