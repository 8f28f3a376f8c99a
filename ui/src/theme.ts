import { useSyncExternalStore } from "react";

export type ThemeChoice = "system" | "light" | "dark";

const key = "throughline.theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function stored(): ThemeChoice {
  const value = localStorage.getItem(key);
  return value === "light" || value === "dark" ? value : "system";
}

let choice = stored();

function apply() {
  document.documentElement.style.colorScheme = choice === "system" ? "light dark" : choice;
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  listeners.forEach((listener) => listener());
}

const isDark = () => (choice === "system" ? systemDark.matches : choice === "dark");

systemDark.addEventListener("change", apply);
apply();

export function setTheme(next: ThemeChoice) {
  choice = next;
  if (next === "system") localStorage.removeItem(key);
  else localStorage.setItem(key, next);
  apply();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function useTheme(): { choice: ThemeChoice; dark: boolean } {
  const dark = useSyncExternalStore(subscribe, isDark);
  const current = useSyncExternalStore(subscribe, () => choice);
  return { choice: current, dark };
}

/** A custom property as a colour a canvas takes (light-dark() resolved). */
export function cssColour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
