import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { rank } from "../traceql/completion";
import { Suggestions } from "./Suggestions";

type Props = {
  label: string;
  value: string;
  placeholder?: string;
  /** Asked when the field gains focus and as the text changes; answers may be filtered again here. */
  suggest?: (typed: string, signal: AbortSignal) => Promise<string[]>;
  onChange: (value: string) => void;
  onEnter?: () => void;
  /** A suggestion was taken, as against text typed. */
  onPick?: (value: string) => void;
  hideLabel?: boolean;
  mono?: boolean;
  invalid?: boolean;
  disabled?: boolean;
};

/** A text field with suggestions: what is typed counts, a suggestion is only quicker. */
export function Combo({ label, value, placeholder, suggest, onChange, onEnter, onPick, hideLabel, mono, invalid, disabled }: Props) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const [all, setAll] = useState<string[]>([]);
  const [active, setActive] = useState(-1);
  /** Typing narrows; coming to a filled field shows what else it could be. */
  const [typed, setTyped] = useState(false);
  const ask = useRef(suggest);
  useEffect(() => {
    ask.current = suggest;
  });

  useEffect(() => {
    if (!open || !ask.current) return;
    const controller = new AbortController();
    ask.current(value, controller.signal).then(
      (list) => !controller.signal.aborted && setAll(list),
      () => !controller.signal.aborted && setAll([]),
    );
    return () => controller.abort();
  }, [open, value]);

  const shown = open ? offered(all, value, typed) : [];
  const choose = (text: string) => {
    onChange(text);
    onPick?.(text);
    setOpen(false);
    setActive(-1);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setOpen(true);
      setTyped(false);
      const step = event.key === "ArrowDown" ? 1 : -1;
      setActive((at) => (shown.length === 0 ? -1 : (at + step + shown.length + (at < 0 && step < 0 ? 1 : 0)) % shown.length));
    } else if (event.key === "Enter") {
      const picked = open ? shown[active] : undefined;
      if (picked !== undefined) choose(picked);
      else {
        setOpen(false);
        onEnter?.();
      }
      event.preventDefault();
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      setOpen(false);
    }
  };

  return (
    <div className="combo">
      <label htmlFor={id} className={hideLabel ? "visually-hidden" : "field-label"}>
        {label}
      </label>
      <input
        id={id}
        className={mono ? "input mono" : "input"}
        value={value}
        placeholder={placeholder}
        disabled={disabled}
        role={suggest ? "combobox" : undefined}
        aria-expanded={suggest ? shown.length > 0 : undefined}
        aria-controls={suggest ? `${id}-list` : undefined}
        aria-activedescendant={active >= 0 && shown.length > 0 ? `${id}-list-${active}` : undefined}
        aria-autocomplete={suggest ? "list" : undefined}
        aria-invalid={invalid || undefined}
        autoComplete="off"
        spellCheck={false}
        onFocus={() => {
          setOpen(true);
          setTyped(false);
        }}
        onBlur={() => setOpen(false)}
        onChange={(event) => {
          onChange(event.target.value);
          setOpen(true);
          setTyped(true);
          setActive(-1);
        }}
        onKeyDown={onKeyDown}
      />
      {shown.length > 0 && <Suggestions id={`${id}-list`} label={label} items={shown} active={active} onPick={choose} />}
    </div>
  );
}

function offered(all: string[], value: string, typed: boolean): string[] {
  if (!all.includes(value)) return rank(all, value, shownMax);
  const others = typed ? rank(all, value, shownMax) : all.slice(0, shownMax);
  // Only what is there already: nothing to offer.
  return others.length === 1 && others[0] === value ? [] : others;
}

const shownMax = 200;
