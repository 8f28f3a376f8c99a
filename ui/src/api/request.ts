import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "./client";

export type RequestState<T> = {
  data: T | undefined;
  error: ApiError | undefined;
  /** When the running request began (performance.now), undefined when none runs. */
  since: number | undefined;
  cancelled: boolean;
};

const idle = { data: undefined, error: undefined, since: undefined, cancelled: false };

/**
 * Runs `load` whenever `key` changes, keeps the previous answer on screen meanwhile, and aborts the
 * request that was overtaken. A null key asks for nothing.
 */
export function useRequest<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>) {
  const [state, setState] = useState<RequestState<T>>(idle);
  const running = useRef<AbortController | undefined>(undefined);
  const latest = useRef(load);
  useEffect(() => {
    latest.current = load;
  });

  const run = useCallback(() => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState((before) => ({ ...before, since: performance.now(), cancelled: false }));
    latest.current(controller.signal).then(
      (data) => {
        if (!controller.signal.aborted) setState({ ...idle, data });
      },
      (cause: unknown) => {
        if (controller.signal.aborted) return;
        const error = cause instanceof ApiError ? cause : new ApiError("internal", String(cause));
        setState((before) => ({ ...idle, data: before.data, error }));
      },
    );
  }, []);

  useEffect(() => {
    if (key === null) {
      setState(idle);
      return;
    }
    run();
    return () => running.current?.abort();
  }, [key, run]);

  const cancel = useCallback(() => {
    running.current?.abort();
    setState((before) => ({ ...before, since: undefined, cancelled: true }));
  }, []);

  return { ...state, reload: run, cancel };
}
