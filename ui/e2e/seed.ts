/** Sends the traces the tests ask for over OTLP/HTTP JSON, as any SDK would, and waits until they can be read. */
import { randomBytes } from "node:crypto";
import { gauge, type LogsRequest, type MetricsRequest, Random, type TracesRequest } from "../dev/telemetry/otlp.ts";
import { brokenCatalogue, checkout, randomTrace } from "../dev/telemetry/shop.ts";
import { type SpecialIds, specialIds, specialTraces } from "../dev/telemetry/special.ts";
import type { TraceBuilder } from "../dev/telemetry/trace_builder.ts";

export type Seeded = {
  /** On every resource as `e2e.run`: narrows searches to this run. */
  run: string;
  ids: SpecialIds & { failed: string; checkout: string };
};

const spansPerRequest = 5_000;

export async function seed(otlp: string, base: string): Promise<Seeded> {
  const run = randomBytes(8).toString("hex");
  const random = new Random(Number.parseInt(run.slice(0, 7), 16));
  const now = Date.now();
  const special = specialTraces(now, specialIds(run));
  const failed = brokenCatalogue(random, now - 30_000);
  const paid = checkout(random, now - 20_000, false);
  const others = Array.from({ length: 60 }, (_, n) => randomTrace(random, now - 600_000 + n * 9_000));
  for (const trace of [...others, ...special, failed, paid]) await send(otlp, trace, run);
  await post(`${otlp}/v1/metrics`, gauge("orders", `e2e.${run}`, "{order}", 7, now));
  const ids = { ...specialIds(run), failed: failed.traceId, checkout: paid.traceId };
  await readable(base, ids.large);
  return { run, ids };
}

async function send(otlp: string, trace: TraceBuilder, run: string) {
  const attribute = { key: "e2e.run", value: { stringValue: run } };
  for (const { resource, scopeSpans } of trace.traces().resourceSpans) {
    const tagged = { attributes: [...resource.attributes, attribute] };
    for (const { scope, spans } of scopeSpans) {
      for (let from = 0; from < spans.length; from += spansPerRequest) {
        const part = spans.slice(from, from + spansPerRequest);
        await post(`${otlp}/v1/traces`, { resourceSpans: [{ resource: tagged, scopeSpans: [{ scope, spans: part }] }] });
      }
    }
  }
  const logs = trace.logRequest();
  if (logs.resourceLogs.length > 0) await post(`${otlp}/v1/logs`, logs);
}

async function post(url: string, body: TracesRequest | LogsRequest | MetricsRequest) {
  const response = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
}

async function readable(base: string, traceId: string) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const response = await fetch(`${base}/api/v1/traces/${traceId}`);
    if (response.ok) {
      const { spans } = (await response.json()) as { spans: unknown[] };
      if (spans.length === 50_000) return;
    }
    if (Date.now() > deadline) throw new Error(`trace ${traceId} cannot be read (${response.status})`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
