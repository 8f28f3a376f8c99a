import { type CSSProperties, memo } from "react";
import type { Span } from "../api/types";
import { serviceColour } from "../colour";
import { Icon } from "../parts/Icon";
import { formatDuration, offsetNs } from "../time/format";
import { barOf } from "./bar";
import type { Segment } from "./critical_path";
import { share, type View } from "./view";

export const rowHeight = 24;

type Props = {
  span: Span;
  row: number;
  position: number;
  depth: number;
  indent: number;
  start: number;
  duration: number;
  view: View;
  dark: boolean;
  /** Spans in the subtree below, 0 for a leaf. */
  below: number;
  collapsed: boolean;
  selected: boolean;
  match: boolean;
  dimmed: boolean;
  newService: boolean;
  critical: Segment[] | undefined;
  /** The instant that `start` counts from. */
  base: bigint;
  self: number;
  logTimes: string | undefined;
  linked: boolean;
};

/** One span. Log times come as text (`12.5 40`), so that an unchanged row is not drawn again. */
export const WaterfallRow = memo(function WaterfallRow(props: Props) {
  const { span, row, depth, below, collapsed, selected, match, dimmed } = props;
  const colour = serviceColour(span.service, props.dark);
  const failed = span.status === "error";
  const classes = ["wf-row", selected && "selected", match && "match", dimmed && "dimmed", failed && "failed"].filter(Boolean).join(" ");
  return (
    <div
      role="treeitem"
      id={`span-${row}`}
      aria-level={depth + 1}
      aria-expanded={below > 0 ? !collapsed : undefined}
      aria-selected={selected}
      aria-label={label(props)}
      className={classes}
      data-row={row}
      style={{ transform: `translateY(${props.position * rowHeight}px)` }}
    >
      <div className="wf-name" style={indentation(depth, props.indent)}>
        {below > 0 ? (
          <span className="wf-caret" data-caret={row}>
            <i className={collapsed ? "caret" : "caret open"} />
            {collapsed && <em>{below}</em>}
          </span>
        ) : (
          <span className="wf-caret" />
        )}
        <span className="wf-stripe" style={{ background: colour }} />
        {failed && (
          <span className="error-text wf-mark" title={span.statusMessage || "error"}>
            <Icon name="error" size={12} />
          </span>
        )}
        {props.newService && <span className="wf-service">{span.service}</span>}
        <span className="wf-operation">{span.name}</span>
        {span.orphan && (
          <span className="tag warn" title="Its parent span is not in the store">
            orphan
          </span>
        )}
        {span.skewNs !== "0" && (
          <span className="tag warn" title={`Its clock differs from its parent's by about ${formatDuration(Number(span.skewNs))}; drawn as recorded`}>
            clock skew
          </span>
        )}
        {props.linked && (
          <span className="muted wf-mark" title="Has links to other traces">
            <Icon name="link" size={12} />
          </span>
        )}
      </div>
      <TimeCell {...props} colour={colour} failed={failed} />
    </div>
  );
});

/** One guide line a level, drawn by the style sheet. */
function indentation(depth: number, indent: number): CSSProperties {
  return { paddingLeft: depth * indent + 4, "--guides": `${depth * indent}px`, "--indent": `${indent}px` } as CSSProperties;
}

function label({ span, duration, below }: Props): string {
  const parts = [span.service, span.name, formatDuration(duration)];
  if (span.status === "error") parts.push("error");
  if (span.orphan) parts.push("orphan");
  if (below > 0) parts.push(`${below} spans below`);
  return parts.join(", ");
}

function TimeCell({ span, start, duration, self, base, view, colour, failed, critical, logTimes }: Props & { colour: string; failed: boolean }) {
  const bar = barOf(start, duration, view);
  if (bar.outside) {
    return (
      <div className="wf-time" data-time>
        <span className={`wf-outside ${bar.outside}`} />
      </div>
    );
  }
  const text = formatDuration(duration);
  const labelStyle =
    bar.label === "after" ? { left: `${bar.left + bar.width}%` } : bar.label === "before" ? { right: `${100 - bar.left}%` } : { right: `${100 - bar.left - bar.width}%` };
  const classes = ["wf-bar", failed && "failed", span.skewNs !== "0" && "skewed"].filter(Boolean).join(" ");
  const facts = `${span.service}: ${span.name}\n${text}, own time ${formatDuration(self)}\nfrom +${formatDuration(start)}`;
  return (
    <div className="wf-time" data-time title={facts}>
      <span className={classes} style={{ left: `${bar.left}%`, width: `${bar.width}%`, backgroundColor: colour }} />
      {critical?.map(({ from, to }) => {
        const part = barOf(from, to - from, view);
        return part.outside ? null : <span key={from} className="wf-critical" style={{ left: `${part.left}%`, width: `${part.width}%` }} />;
      })}
      {eventMarks(span, base, view).map(({ left, title }) => (
        <span key={left} className="wf-event" style={{ left: `${left}%` }} title={title} />
      ))}
      {marks(logTimes, view).map((left) => (
        <span key={`l${left}`} className="wf-log-mark" style={{ left: `${left}%` }} />
      ))}
      <span className={`wf-label ${bar.label}`} style={labelStyle}>
        {text}
      </span>
    </div>
  );
}

const marksMax = 200;

/** Events that fall on the same place share a mark, which names them all. */
function eventMarks(span: Span, base: bigint, view: View): { left: number; title: string }[] {
  const places = new Map<number, string[]>();
  for (const event of span.events.slice(0, marksMax)) {
    const at = offsetNs(event.timeNs, base);
    const left = Math.round(share(at, view) * 1000) / 10;
    if (left < 0 || left > 100) continue;
    const line = `${event.name} at +${formatDuration(at)}`;
    const lines = places.get(left);
    if (lines) lines.push(line);
    else places.set(left, [line]);
  }
  return [...places].map(([left, lines]) => ({ left, title: lines.slice(0, 12).join("\n") }));
}

function marks(times: string | undefined, view: View): number[] {
  if (!times) return [];
  const places = times.split(" ").map((ns) => Math.round(share(Number(ns), view) * 1000) / 10);
  return [...new Set(places)].filter((left) => left >= 0 && left <= 100);
}
