import { memo } from "react";
import type { Log } from "../api/types";
import { serviceColour } from "../colour";
import { Copy } from "../parts/Copy";
import { type Changes, Link } from "../router";
import { useTheme } from "../theme";
import { formatClock, formatInstant, msOf } from "../time/format";
import { Attributes } from "../trace/Attributes";
import { valueText } from "../trace/find";
import { severityClass, severityName } from "./severity";

type Props = { id: string; log: Log; open: boolean; contains: string; onToggle: (id: string) => void; onFilter: (changes: Changes) => void };

export const LogRow = memo(function LogRow({ id, log, open, contains, onToggle, onFilter }: Props) {
  const { dark } = useTheme();
  const body = valueText(log.body);
  const ms = msOf(log.timeNs);
  const traceLink = `/trace/${log.traceId}${log.spanId ? `?span=${log.spanId}&logs=1` : "?logs=1"}`;
  return (
    <div role="listitem" className={`log ${severityClass(log.severityNumber)}${open ? " open" : ""}`}>
      <button type="button" className="log-line" data-log-row aria-expanded={open} onClick={() => onToggle(id)}>
        <i className={open ? "caret open" : "caret"} />
        <span className="time num" title={formatInstant(ms)}>
          {formatClock(ms)}
        </span>
        <span className="severity">{severityName(log)}</span>
        <span className="log-service">
          <i className="dot" style={{ background: serviceColour(log.service, dark) }} />
          {log.service}
        </span>
        <span className="log-body">
          <Found text={body} part={contains} />
        </span>
      </button>
      {log.traceId && (
        <Link href={traceLink} className="log-trace mono" aria-label={`Open the trace ${log.traceId}`} title="Open the trace at this record">
          {log.traceId.slice(0, 8)}
        </Link>
      )}
      {open && (
        <div className="log-detail">
          <pre className="log-full">{pretty(log.body, body)}</pre>
          <div className="row-gap">
            <Copy text={body} label="Copy the body">
              Copy body
            </Copy>
            <span className="num muted">{formatInstant(ms)}</span>
            {log.severityText && <span className="muted">{log.severityText}</span>}
            {log.traceId && (
              <button type="button" className="link-button" onClick={() => onFilter({ traceId: log.traceId ?? undefined })}>
                Only this trace
              </button>
            )}
            <button type="button" className="link-button" onClick={() => onFilter({ service: log.service })}>
              Only {log.service || "this service"}
            </button>
          </div>
          {log.attributes.length > 0 && <Attributes attributes={log.attributes} />}
          <details>
            <summary>
              <i className="caret" /> Resource <span className="count">{log.resource.length}</span>
            </summary>
            <Attributes attributes={log.resource} scope="resource" />
          </details>
        </div>
      )}
    </div>
  );
});

/** A body that is JSON, as a value or as text, is laid out. */
function pretty(body: unknown, text: string): string {
  if (typeof body !== "string") return JSON.stringify(body, null, 2);
  if (!/^\s*[[{]/.test(body)) return text;
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return text;
  }
}

/** The text with the part that was asked for marked, once. */
function Found({ text, part }: { text: string; part: string }) {
  const at = part ? text.toLowerCase().indexOf(part.toLowerCase()) : -1;
  if (at < 0) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + part.length)}</mark>
      {text.slice(at + part.length)}
    </>
  );
}
