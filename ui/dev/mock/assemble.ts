/** A stored trace as the API gives it: waterfall order, orphans, skew, critical path, links both ways. */
import type { Span, Trace } from "../../src/api/types.ts";
import type { MockStore, StoredSpan } from "./store.ts";

const start = (span: StoredSpan) => BigInt(span.startNs);
const end = (span: StoredSpan) => BigInt(span.startNs) + BigInt(span.durationNs);
const later = (a: bigint, b: bigint) => (a > b ? a : b);

export function assemble(store: MockStore, traceId: string): Trace | undefined {
  const stored = store.traces.get(traceId);
  if (!stored) return undefined;
  const byId = new Map(stored.map((span) => [span.spanId, span]));
  const children = new Map<string | null, StoredSpan[]>();
  for (const span of stored) {
    const parent = span.parentSpanId && byId.has(span.parentSpanId) ? span.parentSpanId : null;
    const list = children.get(parent);
    if (list) list.push(span);
    else children.set(parent, [span]);
  }
  for (const list of children.values()) list.sort((a, b) => (start(a) < start(b) ? -1 : 1));

  const resources: Trace["resources"] = [];
  const scopes: Trace["scopes"] = [];
  const spans: Span[] = [];
  const stack = [...(children.get(null) ?? [])].reverse();
  for (let span = stack.pop(); span; span = stack.pop()) {
    const { traceId: _, source: __, ...rest } = span;
    const parent = span.parentSpanId ? byId.get(span.parentSpanId) : undefined;
    const skew = parent && parent.service !== span.service && start(span) < start(parent) ? start(span) - start(parent) : 0n;
    spans.push({
      ...rest,
      resource: indexOf(resources, { attributes: span.resource, service: span.service }, (r) => r.attributes === span.resource),
      scope: indexOf(scopes, span.scope, (s) => s.name === span.scope.name),
      orphan: Boolean(span.parentSpanId) && !parent,
      skewNs: String(skew),
    });
    for (const child of [...(children.get(span.spanId) ?? [])].reverse()) stack.push(child);
  }
  const startNs = stored.reduce((least, span) => (start(span) < least ? start(span) : least), start(stored[0] as StoredSpan));
  const endNs = stored.reduce((most, span) => later(most, end(span)), 0n);
  return {
    traceId,
    startNs: String(startNs),
    endNs: String(endNs),
    resources,
    scopes,
    spans,
    linkedFrom: linkedFrom(store, traceId),
    criticalPath: criticalPath(children),
    complete: true,
  };
}

function indexOf<T>(list: T[], item: T, same: (other: T) => boolean): number {
  const at = list.findIndex(same);
  return at >= 0 ? at : list.push(item) - 1;
}

function linkedFrom(store: MockStore, traceId: string): Trace["linkedFrom"] {
  const found: Trace["linkedFrom"] = [];
  for (const spans of store.traces.values()) {
    if (spans.length > 1000) continue;
    for (const span of spans) {
      for (const link of span.links) {
        if (link.traceId === traceId) found.push({ traceId: span.traceId, spanId: span.spanId, targetSpanId: link.spanId });
      }
    }
  }
  return found;
}

/** From the root's end backwards: the child that finished last holds the time before its end. */
function criticalPath(children: Map<string | null, StoredSpan[]>): Trace["criticalPath"] {
  const root = children.get(null)?.[0];
  if (!root) return [];
  const path: Trace["criticalPath"] = [];
  const work: { span: StoredSpan; until: bigint }[] = [{ span: root, until: end(root) }];
  for (let item = work.pop(); item; item = work.pop()) {
    const { span } = item;
    let until = item.until;
    const kids = [...(children.get(span.spanId) ?? [])].sort((a, b) => (end(a) > end(b) ? -1 : 1));
    for (const kid of kids) {
      const kidEnd = end(kid);
      if (kidEnd > until || start(kid) < start(span)) continue;
      if (kidEnd < until) path.push({ spanId: span.spanId, startNs: String(kidEnd), endNs: String(until) });
      work.push({ span: kid, until: kidEnd });
      until = start(kid);
    }
    if (until > start(span)) path.push({ spanId: span.spanId, startNs: String(start(span)), endNs: String(until) });
  }
  return path.sort((a, b) => (BigInt(a.startNs) < BigInt(b.startNs) ? -1 : 1));
}
