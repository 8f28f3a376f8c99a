/** Traces with a property of their own, under ids that are known beforehand. */
import { Random } from "./otlp.ts";
import { TraceBuilder } from "./trace_builder.ts";

export type SpecialIds = { large: string; orphans: string; skewed: string; batch: string; producer: string };

/** The ids of one set; the prefix (16 hex digits) keeps two sets in one store apart. */
export function specialIds(prefix = "0000000000000000"): SpecialIds {
  const id = (last: string) => prefix + last.padStart(16, "0");
  return { large: id("50000"), orphans: id("a001"), skewed: id("a002"), batch: id("a003"), producer: id("a004") };
}

export function specialTraces(now: number, ids: SpecialIds): TraceBuilder[] {
  return [largeTrace(now - 240_000, ids), orphanTrace(now - 90_000, ids), skewedTrace(now - 60_000, ids), ...linkedTraces(now - 45_000, ids)];
}

const largeSize = 50_000;

/** A nightly import: jobs of batches of rows, wide and deep, 50,000 spans. */
function largeTrace(startMs: number, ids: SpecialIds): TraceBuilder {
  const random = new Random(50_000);
  const t = new TraceBuilder(random, startMs, ids.large);
  const size = largeSize;
  const services = ["importer", "parser", "catalogue", "inventory", "search-index", "pricing"];
  const totalMs = 42_000;
  const root = t.span({ service: "importer", name: "nightly import", at: 0, ms: totalMs, attributes: { "import.rows": size } });
  let made = 1;
  const jobs = 40;
  for (let job = 0; job < jobs && made < size; job += 1) {
    const jobAt = (job / jobs) * totalMs * 0.97;
    const jobMs = (totalMs / jobs) * (0.8 + random.next() * 0.6);
    const jobSpan = t.span({ service: "importer", name: `import shard ${job}`, parent: root, at: jobAt, ms: jobMs, attributes: { shard: job } });
    made += 1;
    const share = Math.floor((size - 1) / jobs);
    const until = job === jobs - 1 ? size : 1 + (job + 1) * share;
    let chain = jobSpan;
    let depth = 0;
    const first = made;
    while (made < until) {
      const at = jobAt + ((made - first) / share) * jobMs * 0.95;
      const failed = random.next() < 0.002;
      const service = random.pick(services);
      const span = t.span({
        service,
        name: random.pick(["parse row", "validate", "upsert product", "price lookup", "index document", "publish"]),
        kind: random.next() < 0.3 ? "client" : "internal",
        parent: depth > 0 ? chain : jobSpan,
        at,
        ms: random.latency(9),
        attributes: { row: made, attempt: failed ? 3 : 1, sku: `SKU-${made % 977}` },
        ...(failed ? { error: "row refused: unknown unit" } : {}),
      });
      made += 1;
      depth = depth >= 6 || random.next() < 0.45 ? 0 : depth + 1;
      chain = span;
    }
  }
  return t;
}

/** The collector lost the gateway's spans: two subtrees without their parents. */
function orphanTrace(startMs: number, ids: SpecialIds): TraceBuilder {
  const random = new Random(11);
  const t = new TraceBuilder(random, startMs, ids.orphans);
  const root = t.span({ service: "gateway", name: "GET /basket", kind: "server", at: 0, ms: 80 });
  t.span({ service: "gateway", name: "authorise", parent: root, at: 1, ms: 6 });
  for (const [at, lost] of [
    [12, "feedbeef00000001"],
    [40, "feedbeef00000002"],
  ] as const) {
    const orphan = t.span({ service: "orders", name: "GET /basket", kind: "server", parent: lost, at, ms: 22 });
    t.span({ service: "orders", name: "SELECT baskets", kind: "client", parent: orphan, at: at + 3, ms: 14 });
  }
  return t;
}

/** The inventory host's clock is 180 ms behind: its spans start before their parents. */
function skewedTrace(startMs: number, ids: SpecialIds): TraceBuilder {
  const random = new Random(12);
  const t = new TraceBuilder(random, startMs, ids.skewed);
  const root = t.span({ service: "gateway", name: "PUT /stock", kind: "server", at: 0, ms: 120 });
  const call = t.span({ service: "gateway", name: "PUT", kind: "client", parent: root, at: 4, ms: 110 });
  const put = t.span({ service: "inventory", name: "PUT /stock", kind: "server", parent: call, at: 9 - 180, ms: 96 });
  t.span({ service: "inventory", name: "UPDATE stock", kind: "client", parent: put, at: 14 - 180, ms: 70 });
  return t;
}

/** A batch consumer that links to the producers of what it takes, and those producers' trace. */
function linkedTraces(startMs: number, ids: SpecialIds): TraceBuilder[] {
  const random = new Random(13);
  const producer = new TraceBuilder(random, startMs, ids.producer);
  const root = producer.span({ service: "orders", name: "POST /orders/bulk", kind: "server", at: 0, ms: 60 });
  const links = [0, 1, 2].map((n) => {
    const spanId = producer.span({ service: "orders", name: "send order.placed", kind: "producer", parent: root, at: 10 + n * 12, ms: 4, attributes: { "messaging.message.id": `m-${n}` } });
    return { traceId: ids.producer, spanId, attributes: { "messaging.message.id": `m-${n}` } };
  });
  const batch = new TraceBuilder(random, startMs + 400, ids.batch);
  const receive = batch.span({ service: "mailer", name: "process order.placed batch", kind: "consumer", at: 0, ms: 150, links, attributes: { "messaging.batch.message_count": 3 } });
  for (let n = 0; n < 3; n += 1) batch.span({ service: "mailer", name: "send mail", kind: "client", parent: receive, at: 5 + n * 45, ms: 40 });
  return [producer, batch];
}
