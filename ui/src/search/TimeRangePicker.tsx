import { useEffect, useRef, useState } from "react";
import { Icon } from "../parts/Icon";
import { formatInstant } from "../time/format";
import { describeRange, parseInstant, type Range, relativeChoices, relativeMs, resolveRange } from "../time/range";

type Props = { range: Range; onChange: (range: Range) => void };

export function TimeRangePicker({ range, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) return;
    const outside = (event: PointerEvent) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    window.addEventListener("pointerdown", outside);
    return () => window.removeEventListener("pointerdown", outside);
  }, [open]);

  const choose = (next: Range) => {
    setOpen(false);
    button.current?.focus();
    onChange(next);
  };
  return (
    <div
      className="range-picker"
      ref={root}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        event.nativeEvent.stopImmediatePropagation();
        setOpen(false);
        button.current?.focus();
      }}
    >
      <button ref={button} type="button" className="button" data-shortcut="range" aria-haspopup="dialog" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="clock" /> {describeRange(range)} <Icon name="down" size={12} />
      </button>
      {open && <RangePopup range={range} onChoose={choose} />}
    </div>
  );
}

function RangePopup({ range, onChoose }: { range: Range; onChoose: (range: Range) => void }) {
  const now = Date.now();
  const window = resolveRange(range, now);
  const text = (ms: number) => formatInstant(ms).replace(/\.\d{3}$/, "");
  const [from, setFrom] = useState(text(window.start));
  const [to, setTo] = useState(range.kind === "relative" ? "now" : text(window.end));
  const [custom, setCustom] = useState("");
  const start = parseInstant(from, now);
  const end = parseInstant(to, now);
  const valid = start !== undefined && end !== undefined && start < end;
  return (
    <div className="popup range-popup" role="dialog" aria-label="Time range">
      <div className="range-choices">
        {relativeChoices.map((choice) => (
          <button key={choice} type="button" aria-pressed={range.kind === "relative" && range.text === choice} onClick={() => onChoose({ kind: "relative", text: choice })}>
            {choice}
          </button>
        ))}
        <input
          className="input"
          aria-label="Other relative range"
          placeholder="45m"
          value={custom}
          aria-invalid={custom !== "" && !relativeMs(custom) ? true : undefined}
          onChange={(event) => setCustom(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && relativeMs(custom) && onChoose({ kind: "relative", text: custom.trim() })}
        />
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (valid) onChoose({ kind: "absolute", start, end });
        }}
      >
        <label className="field-label">
          From
          <input className="input mono" value={from} aria-invalid={start === undefined || undefined} onChange={(event) => setFrom(event.target.value)} />
        </label>
        <label className="field-label">
          To
          <input className="input mono" value={to} aria-invalid={end === undefined || undefined} onChange={(event) => setTo(event.target.value)} />
        </label>
        <p className="hint">{valid || start === undefined || end === undefined ? "2026-03-01 14:05, 14:05, now, or an epoch. Local time." : "The start has to come before the end."}</p>
        <button type="submit" className="button primary" disabled={!valid}>
          Apply
        </button>
      </form>
    </div>
  );
}
