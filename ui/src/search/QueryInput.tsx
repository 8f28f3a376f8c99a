import { type KeyboardEvent, type RefObject, useEffect, useId, useState } from "react";
import { flushSync } from "react-dom";
import type { ApiError, Window } from "../api/client";
import { Suggestions } from "../parts/Suggestions";
import { type CompletionContext, completionAt } from "../traceql/completion";
import { indexOfByte } from "../traceql/lexer";
import { suggestionsFor } from "./completions";
import { Highlighted } from "./Highlighted";

type Props = {
  field: RefObject<HTMLTextAreaElement | null>;
  text: string;
  window: () => Window;
  /** Shown while the text is the one that failed. */
  error: ApiError | undefined;
  onChange: (text: string) => void;
  onRun: () => void;
};

type Popup = { kind: CompletionContext["kind"]; items: string[]; from: number; active: number };

export function QueryInput({ field, text, window: windowNow, error, onChange, onRun }: Props) {
  const id = useId();
  const [popup, setPopup] = useState<Popup | undefined>();
  const [asked, setAsked] = useState<{ text: string; cursor: number } | undefined>();

  useEffect(() => {
    if (!asked) return;
    let current = true;
    const context = completionAt(asked.text, asked.cursor);
    if (context.kind === "none") {
      setPopup(undefined);
      return;
    }
    suggestionsFor(context, windowNow()).then(
      (items) => {
        const complete = items.length === 1 && items[0] === asked.text.slice(context.from, context.to);
        if (current) setPopup(items.length === 0 || complete ? undefined : { kind: context.kind, items, from: context.from, active: -1 });
      },
      () => current && setPopup(undefined),
    );
    return () => {
      current = false;
    };
    // The window moves with the clock; the question is asked again only when the text or cursor changes.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [asked]);

  const ask = (next: string) => setAsked({ text: next, cursor: field.current?.selectionStart ?? next.length });
  const close = () => {
    setAsked(undefined);
    setPopup(undefined);
  };

  const pick = (item: string) => {
    // The list may still be that of a moment ago: what it replaces is what stands at the cursor now.
    const place = completionAt(text, field.current?.selectionStart ?? text.length);
    if (place.kind === "none" || place.kind !== popup?.kind) return close();
    const after = text.slice(place.to);
    const next = `${text.slice(0, place.from)}${item}${/^\s/.test(after) ? "" : " "}${after}`;
    const cursor = place.from + item.length + 1;
    // The text has to be in the field before the next key: a cursor set later would land in what was typed since.
    flushSync(() => {
      onChange(next);
      setPopup(undefined);
      setAsked({ text: next, cursor });
    });
    field.current?.focus();
    field.current?.setSelectionRange(cursor, cursor);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const items = popup?.items ?? [];
    if (event.key === " " && event.ctrlKey) ask(text);
    else if (popup && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const active = popup.active < 0 && step < 0 ? items.length - 1 : (popup.active + step + items.length) % items.length;
      setPopup({ ...popup, active });
    } else if (popup && event.key === "Tab" && !event.shiftKey) pick(items[Math.max(0, popup.active)] ?? "");
    else if (popup && event.key === "Enter" && popup.active >= 0) pick(items[popup.active] ?? "");
    else if (event.key === "Enter" && !event.shiftKey) {
      close();
      onRun();
    } else if (popup && event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const fault = error?.position === undefined ? undefined : indexOfByte(text, error.position);
  const column = popup ? popup.from - (text.lastIndexOf("\n", popup.from - 1) + 1) : 0;
  return (
    <div className="query-input">
      <Highlighted text={text} fault={fault} />
      <textarea
        ref={field}
        aria-label="TraceQL query"
        role="combobox"
        aria-expanded={popup !== undefined}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={popup && popup.active >= 0 ? `${id}-list-${popup.active}` : undefined}
        aria-invalid={error ? true : undefined}
        aria-describedby={error ? `${id}-error` : undefined}
        value={text}
        rows={Math.min(8, text.split("\n").length)}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        onChange={(event) => {
          onChange(event.target.value);
          ask(event.target.value);
        }}
        onKeyDown={onKeyDown}
        onBlur={close}
      />
      {popup && <Suggestions id={`${id}-list`} label="Query" items={popup.items} active={popup.active} onPick={pick} left={Math.min(column, 70) * 7.83 + 6} />}
      {error && (
        <div id={`${id}-error`} className="query-error" role="alert">
          {error.message}
          {fault !== undefined && !/ at (line|offset) \d/.test(error.message) && <span className="muted"> (at character {fault + 1})</span>}
        </div>
      )}
    </div>
  );
}
