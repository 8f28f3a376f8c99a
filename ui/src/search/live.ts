import { useEffect, useRef, useState } from "react";
import { status } from "../api/client";
import type { ServerStatus, TraceSummary } from "../api/types";

const everyMs = 5_000;

export type Receiver = ServerStatus["receivers"][number];

/** Asks again on a beat while the page is visible, never while an answer is still out. */
export function useLiveRefresh(on: boolean, running: boolean, reload: () => void) {
  const busy = useRef(running);
  useEffect(() => {
    busy.current = running;
  });
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => {
      if (!busy.current && !document.hidden) reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [on, reload]);
}

type Seen = { traces: TraceSummary[] | undefined; ids: ReadonlySet<string>; question: string; fresh: ReadonlySet<string> };

/** The traces that the last refresh brought, to be shown as new for a moment. */
export function useFreshTraces(traces: TraceSummary[] | undefined, live: boolean, question: string): ReadonlySet<string> {
  const [seen, setSeen] = useState<Seen>({ traces: undefined, ids: new Set(), question, fresh: new Set() });
  if (seen.traces === traces) return seen.fresh;
  const ids = new Set(traces?.map((trace) => trace.traceId));
  const comparable = live && seen.ids.size > 0 && seen.question === question;
  const fresh = new Set(comparable ? [...ids].filter((id) => !seen.ids.has(id)) : []);
  setSeen({ traces, ids, question, fresh });
  return fresh;
}

/** Only asked when a search found nothing: where the receivers are, if no span has arrived at all. */
export function useEmptyStore(ask: boolean): Receiver[] | undefined {
  const [receivers, setReceivers] = useState<Receiver[] | undefined>();
  useEffect(() => {
    if (!ask) return;
    const controller = new AbortController();
    status(controller.signal).then(
      (answer) => setReceivers(answer.store.spans === 0 && answer.accepted.spans === 0 ? answer.receivers : undefined),
      () => undefined,
    );
    return () => controller.abort();
  }, [ask]);
  return receivers;
}
