/** Location as state: everything a page shows can be rebuilt from its URL. */
import { type AnchorHTMLAttributes, type MouseEvent, useCallback, useMemo, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
const changed = () => listeners.forEach((listener) => listener());
window.addEventListener("popstate", changed);

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function navigate(to: string, how: "push" | "replace" = "push") {
  if (to === location.pathname + location.search) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", to);
  changed();
}

const href = () => location.pathname + location.search;

export function useLocation() {
  const current = useSyncExternalStore(subscribe, href);
  return useMemo(() => {
    const url = new URL(current, location.origin);
    return { path: url.pathname, parameters: url.searchParams, href: current };
  }, [current]);
}

export type Changes = Record<string, string | undefined>;

/** The same path with some parameters set, or removed where empty. */
export function withParameters(current: string, changes: Changes): string {
  const url = new URL(current, location.origin);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === "") url.searchParams.delete(key);
    else url.searchParams.set(key, value);
  }
  return url.pathname + url.search;
}

export function useSetParameters() {
  return useCallback((changes: Changes, how: "push" | "replace" = "replace") => {
    navigate(withParameters(href(), changes), how);
  }, []);
}

/** A real link (middle click, copy address) that does not reload the page. */
export function Link({ href: to, onClick, children, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a href={to} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
