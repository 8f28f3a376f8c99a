import type { ReactNode } from "react";
import type { Trace } from "../api/types";
import { serviceColour } from "../colour";
import { severityClass, severityName } from "../logs/severity";
import { Capped } from "../parts/Capped";
import { Copy } from "../parts/Copy";
import { Icon } from "../parts/Icon";
import { Splitter, useStoredSize } from "../parts/Splitter";
import { useTheme } from "../theme";
import { formatDuration, formatInstant, msOf, offsetNs } from "../time/format";
import { rangeAround, rangeParameters } from "../time/range";
import { Attributes } from "./Attributes";
import { Exception, isException } from "./Exception";
import { valueText } from "./find";
import { Links } from "./Links";
import type { PlacedLog } from "./rows";
import type { Tree } from "./tree";

type Props = {
  trace: Trace;
  tree: Tree;
  row: number;
  logs: { placed: PlacedLog[]; bySpan: Map<number, number[]> };
  onClose: () => void;
  onGoTo: (row: number | undefined, openPanel?: boolean) => void;
};

export function SpanPanel({ trace, tree, row, logs, onClose, onGoTo }: Props) {
  const { dark } = useTheme();
  const [width, setWidth] = useStoredSize("panel-width", 440);
  const span = tree.spans[row];
  if (!span) return null;
  const resource = trace.resources[span.resource];
  const scope = trace.scopes[span.scope];
  const exceptions = span.events.filter(isException);
  const events = span.events.filter((event) => !isException(event));
  const spanLogs = (logs.bySpan.get(row) ?? []).flatMap((index) => logs.placed[index] ?? []);
  const linkedFrom = trace.linkedFrom.filter((link) => link.targetSpanId === span.spanId);
  const range = new URLSearchParams(
    Object.entries(rangeParameters(rangeAround(msOf(trace.startNs), msOf(trace.endNs), Date.now()))).filter((pair): pair is [string, string] => pair[1] !== undefined),
  ).toString();
  const offset = (ns: string) => `+${formatDuration(offsetNs(ns, BigInt(span.startNs)))}`;
  return (
    <aside className="panel" style={{ width }} aria-label="Span details">
      <Splitter label="Width of the details" at={width} min={300} max={900} reversed onMove={setWidth} className="panel-splitter" />
      <div className="panel-head">
        <span className="wf-stripe tall" style={{ background: serviceColour(span.service, dark) }} />
        <div>
          <div className="muted">{span.service}</div>
          <h2>{span.name}</h2>
        </div>
        <button type="button" className="icon-button" aria-label="Close the details" title="Close (Esc)" onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <div className="panel-scroll">
        {span.status === "error" && (
          <p className="status-error">
            <Icon name="error" /> {span.statusMessage || "Ended with an error"}
          </p>
        )}
        {span.orphan && (
          <p className="status-warn">
            <Icon name="broken" /> Orphan: its parent <span className="mono">{span.parentSpanId}</span> is not in the store.
          </p>
        )}
        {span.skewNs !== "0" && (
          <p className="status-warn">
            <Icon name="clock" /> Clock skew: its clock differs from its parent's by about {formatDuration(Math.abs(Number(span.skewNs)))}. Drawn as recorded.
          </p>
        )}
        <dl className="facts">
          <Fact name="Duration">{formatDuration(tree.duration[row] ?? 0)}</Fact>
          <Fact name="Own time">{formatDuration(tree.self[row] ?? 0)}</Fact>
          <Fact name="Start">+{formatDuration(tree.start[row] ?? 0)}</Fact>
          <Fact name="Kind">{span.kind}</Fact>
          <Fact name="Status">{span.status}</Fact>
          <Fact name="At">{formatInstant(msOf(span.startNs))}</Fact>
          <Fact name="Span id">
            <Copy text={span.spanId} label="Copy the span id">
              <span className="mono">{span.spanId}</span>
            </Copy>
          </Fact>
          {span.parentSpanId && (
            <Fact name="Parent">
              <button type="button" className="link-button mono" disabled={span.orphan} onClick={() => onGoTo(tree.parent[row], true)}>
                {span.parentSpanId}
              </button>
            </Fact>
          )}
        </dl>
        {exceptions.map((event) => (
          <Exception key={event.timeNs + event.name} event={event} />
        ))}
        <Section title="Attributes" count={span.attributes.length} open>
          <Attributes attributes={span.attributes} scope="span" range={range} />
        </Section>
        <Section title="Events" count={events.length} open>
          <Capped items={events} what="events">
            {(event, at) => (
            // Events may repeat in name and time; their place is their identity.
            <div key={at} className="event">
              <div>
                <b>{event.name}</b> <span className="num muted">{offset(event.timeNs)}</span>
              </div>
              <Attributes attributes={event.attributes} scope="event" range={range} />
            </div>
            )}
          </Capped>
        </Section>
        <Section title="Logs" count={spanLogs.length} open>
          <Capped items={spanLogs} what="logs">
            {({ log }, at) => (
            <details key={at} className={`panel-log ${severityClass(log.severityNumber)}`}>
              <summary>
                <span className="severity">{severityName(log)}</span> <span className="num muted">{offset(log.timeNs)}</span> {valueText(log.body)}
              </summary>
              <Attributes attributes={log.attributes} />
            </details>
            )}
          </Capped>
        </Section>
        <Section title="Links" count={span.links.length + linkedFrom.length} open>
          <Links links={span.links} linkedFrom={linkedFrom} range={range} />
        </Section>
        <Section title="Resource" count={resource?.attributes.length ?? 0}>
          <Attributes attributes={resource?.attributes ?? []} scope="resource" range={range} />
        </Section>
        {(scope?.name || span.traceState) && (
          <dl className="facts">
            {scope?.name && (
              <Fact name="Scope">
                {scope.name} {scope.version}
              </Fact>
            )}
            {span.traceState && <Fact name="Trace state">{span.traceState}</Fact>}
          </dl>
        )}
      </div>
    </aside>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Section({ title, count, open, children }: { title: string; count: number; open?: boolean; children: ReactNode }) {
  if (count === 0) return null;
  return (
    <details className="section" open={open}>
      <summary>
        <i className="caret" /> {title} <span className="count">{count}</span>
      </summary>
      {children}
    </details>
  );
}
