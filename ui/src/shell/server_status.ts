import { useEffect, useState } from "react";
import { status } from "../api/client";
import type { ServerStatus } from "../api/types";

export type StatusView = { data: ServerStatus | undefined; reachable: boolean };

const everyMs = 10_000;

/** The server's own account of itself, asked again while the page is looked at. */
export function useServerStatus(): StatusView {
  const [view, setView] = useState<StatusView>({ data: undefined, reachable: true });
  useEffect(() => {
    const controller = new AbortController();
    const ask = () => {
      if (document.hidden) return;
      status(controller.signal).then(
        (data) => setView({ data, reachable: true }),
        () => !controller.signal.aborted && setView((before) => ({ ...before, reachable: false })),
      );
    };
    ask();
    const timer = setInterval(ask, everyMs);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, []);
  return view;
}
