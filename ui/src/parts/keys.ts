/** Keyboard shortcuts: one listener, layers for pages, and the list that the help dialog shows. */
import { useEffect, useRef, useSyncExternalStore } from "react";

export type Shortcut = {
  /** `j`, `Enter`, `?`, or a sequence such as `g s`. Several alternatives allowed. */
  keys: string[];
  label: string;
  run: (event: KeyboardEvent) => void;
  /** Also while typing in a field (for Escape). */
  always?: boolean;
};

export type Layer = { title: string; shortcuts: Shortcut[] };

let layers: { current: Layer }[] = [];
let snapshot: Layer[] = [];
const listeners = new Set<() => void>();
let pending = "";
let pendingUntil = 0;

function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** A focused control keeps the keys it acts on itself. */
function belongsToControl(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  const control = /^(BUTTON|A|SUMMARY)$/.test(target.tagName) || target.getAttribute("role") === "separator";
  return control && (event.key === "Enter" || event.key === " ");
}

window.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (belongsToControl(event) || document.querySelector("dialog[open]")) return;
  const inField = typing(event.target);
  const sequence = event.timeStamp < pendingUntil ? `${pending} ${event.key}` : event.key;
  for (const layer of [...layers].reverse()) {
    for (const shortcut of layer.current.shortcuts) {
      if (inField && !shortcut.always) continue;
      if (shortcut.keys.includes(sequence) || shortcut.keys.includes(event.key)) {
        event.preventDefault();
        pendingUntil = 0;
        shortcut.run(event);
        return;
      }
    }
  }
  if (!inField && event.key === "g") {
    pending = "g";
    pendingUntil = event.timeStamp + 1200;
  }
});

function publish() {
  snapshot = layers.map((layer) => layer.current);
  listeners.forEach((listener) => listener());
}

export function useKeys(title: string, shortcuts: Shortcut[]) {
  const layer = useRef<Layer>({ title, shortcuts });
  useEffect(() => {
    layer.current = { title, shortcuts };
  });
  useEffect(() => {
    const mine = layer;
    layers = [...layers, mine];
    publish();
    return () => {
      layers = layers.filter((other) => other !== mine);
      publish();
    };
  }, []);
}

export function useShortcutHelp(): Layer[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => snapshot,
  );
}
