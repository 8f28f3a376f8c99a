import { useState } from "react";
import type { SpanEvent } from "../api/types";
import { Copy } from "../parts/Copy";
import { valueText } from "./find";
import { readStack } from "./stacktrace";

const shownAtFirst = 12;

export function isException(event: SpanEvent): boolean {
  return event.name === "exception" || event.attributes.some(({ key }) => key === "exception.type" || key === "exception.message");
}

/** An exception as a person reads it: type, message, then the stack with the own frames standing out. */
export function Exception({ event }: { event: SpanEvent }) {
  const [all, setAll] = useState(false);
  const get = (key: string) => {
    const value = event.attributes.find((attribute) => attribute.key === key)?.value;
    return value === undefined ? "" : valueText(value);
  };
  const stack = get("exception.stacktrace");
  const lines = stack ? readStack(stack) : [];
  const shown = all ? lines : lines.slice(0, shownAtFirst);
  return (
    <div className="exception">
      <div className="exception-type">
        <span>{get("exception.type") || "exception"}</span>
        {get("exception.escaped") === "true" && <span className="tag">escaped</span>}
        {stack && <Copy text={stack} label="Copy the stack trace" />}
      </div>
      {get("exception.message") && <p className="exception-message">{get("exception.message")}</p>}
      {lines.length > 0 && (
        <pre className="stack">
          {shown.map((line, at) => (
            // Lines of a stack may repeat; their place is their identity.
            // oxlint-disable-next-line react/no-array-index-key
            <div key={at} className={`stack-${line.kind}`}>
              {line.place ? (
                <>
                  {line.place.before}
                  <b>{line.place.location}</b>
                  {line.place.after}
                </>
              ) : (
                line.text
              )}
            </div>
          ))}
        </pre>
      )}
      {lines.length > shownAtFirst && (
        <button type="button" className="link-button" onClick={() => setAll(!all)}>
          {all ? "Less" : `All ${lines.length} lines`}
        </button>
      )}
    </div>
  );
}
