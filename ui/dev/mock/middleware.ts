/** Answers the native API from generated data, and takes OTLP JSON like the real receiver. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Random } from "../telemetry/otlp.ts";
import { randomTrace } from "../telemetry/shop.ts";
import { specialIds, specialTraces } from "../telemetry/special.ts";
import { assemble } from "./assemble.ts";
import { QueryFault } from "./evaluate.ts";
import { logs, metrics, operations, search, services, status, tagNames, tagValues } from "./routes.ts";
import { MockStore } from "./store.ts";

type Next = () => void;

export function mockMiddleware() {
  const { store, keepUp } = seeded();
  return (request: IncomingMessage, response: ServerResponse, next: Next) => {
    const url = new URL(request.url ?? "/", "http://mock");
    // As the server does: a page must not live at this address.
    if (url.pathname === "/metrics") return void response.end("# HELP mock\n");
    const handled = /^\/(api|tempo|v1)\//.test(url.pathname);
    if (!handled) return next();
    keepUp();
    if (request.method === "POST") return void ingest(store, url.pathname, request, response);
    answer(store, url, response);
  };
}

function seeded() {
  const store = new MockStore();
  const random = new Random(7);
  const now = Date.now();
  let until = now - 3_600_000;
  const keepUp = () => {
    for (; until < Date.now() - 1500; until += 400 + random.next() * 8000) {
      const trace = randomTrace(random, until);
      store.addTraces(trace.traces());
      store.addLogs(trace.logRequest());
    }
  };
  for (const trace of specialTraces(now, specialIds())) store.addTraces(trace.traces());
  return { store, keepUp };
}

function answer(store: MockStore, url: URL, response: ServerResponse) {
  try {
    const body = route(store, url);
    if (body === undefined) return send(response, 404, { error: { code: "not_found", message: "no span of this trace is stored" } });
    if (url.pathname.endsWith("/otlp")) response.setHeader("content-disposition", `attachment; filename="trace.json"`);
    send(response, 200, body);
  } catch (fault) {
    if (!(fault instanceof QueryFault)) throw fault;
    send(response, 400, { error: { code: "invalid", message: fault.message, position: fault.position } });
  }
}

function route(store: MockStore, { pathname, searchParams: p }: URL): unknown {
  const trace = /^\/api\/v1\/traces\/([0-9a-f]+)(\/otlp)?$/.exec(pathname);
  if (trace) return trace[2] ? otlp(store, trace[1] ?? "") : assemble(store, trace[1] ?? "");
  const values = /^\/tempo\/api\/v2\/search\/tag\/(.+)\/values$/.exec(pathname);
  if (values) return tagValues(store, decodeURIComponent(values[1] ?? ""), p);
  switch (pathname) {
    case "/api/v1/search":
      return search(store, p);
    case "/api/v1/services":
      return services(store);
    case "/api/v1/operations":
      return operations(store, p);
    case "/api/v1/logs":
      return logs(store, p);
    case "/api/v1/metrics":
      return metrics(store);
    case "/api/v1/status":
      return status(store);
    case "/tempo/api/v2/search/tags":
      return tagNames(store, p);
    default:
      return undefined;
  }
}

function otlp(store: MockStore, traceId: string) {
  const spans = store.traces.get(traceId);
  return spans && { resourceSpans: [{ scopeSpans: [{ spans: spans.map((span) => span.source) }] }] };
}

async function ingest(store: MockStore, path: string, request: IncomingMessage, response: ServerResponse) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  if (path === "/v1/traces") store.addTraces(body as never);
  if (path === "/v1/metrics") store.addMetrics(body as never);
  if (path === "/v1/logs") store.addLogs(body as never);
  send(response, 200, {});
}

function send(response: ServerResponse, code: number, body: unknown) {
  response.statusCode = code;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}
