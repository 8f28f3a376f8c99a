import { useCallback, useState } from "react";

const prefix = "throughline.size.";

/** A size the user set by hand, kept for the next visit. */
export function useStoredSize(name: string, initial: number): [number, (size: number) => void] {
  const [size, setSize] = useState(() => Number(localStorage.getItem(prefix + name)) || initial);
  const store = useCallback(
    (next: number) => {
      setSize(next);
      localStorage.setItem(prefix + name, String(Math.round(next)));
    },
    [name],
  );
  return [size, store];
}

type Props = {
  label: string;
  at: number;
  min: number;
  max: number;
  /** Dragging left makes it larger, for a panel on the right. */
  reversed?: boolean;
  onMove: (size: number) => void;
  className: string;
};

export function Splitter({ label, at, min, max, reversed, onMove, className }: Props) {
  const limited = (size: number) => Math.min(max, Math.max(min, size));
  const sign = reversed ? -1 : 1;
  return (
    <div
      className={className}
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={Math.round(at)}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      onKeyDown={(event) => {
        const step = event.key === "ArrowLeft" ? -20 : event.key === "ArrowRight" ? 20 : 0;
        if (step === 0) return;
        event.preventDefault();
        event.stopPropagation();
        event.nativeEvent.stopImmediatePropagation();
        onMove(limited(at + step * sign));
      }}
      onPointerDown={(event) => {
        event.preventDefault();
        const from = event.clientX;
        const move = (moved: PointerEvent) => onMove(limited(at + (moved.clientX - from) * sign));
        const up = () => {
          window.removeEventListener("pointermove", move);
          window.removeEventListener("pointerup", up);
        };
        window.addEventListener("pointermove", move);
        window.addEventListener("pointerup", up);
      }}
    />
  );
}
