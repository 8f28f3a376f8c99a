import { useMemo, useState } from "react";
import { metrics } from "../api/client";
import { useRequest } from "../api/request";
import type { Metric } from "../api/types";
import { serviceColour } from "../colour";
import { useKeys } from "../parts/keys";
import { Failure, Notice } from "../parts/Notice";
import { Progress } from "../parts/Progress";
import { useLocation, useSetParameters } from "../router";
import { TimeRangePicker } from "../search/TimeRangePicker";
import { useTheme } from "../theme";
import { formatAgo, formatInstant, msOf } from "../time/format";
import { formatCount, plural } from "../time/number";
import { rangeParameters, readRange, resolveRange } from "../time/range";

const columns = { name: "Name", kind: "Kind", unit: "Unit", services: "Services", series: "Series", points: "Points", last: "Last seen" } as const;
type Column = keyof typeof columns;

const numeric: Column[] = ["series", "points", "last"];

export function MetricsPage() {
  const { parameters } = useLocation();
  const setParameters = useSetParameters();
  const range = useMemo(() => readRange(parameters), [parameters]);
  const { data, error, since, reload, cancel } = useRequest(JSON.stringify(range), (signal) => metrics(resolveRange(range, Date.now()), signal));
  const [text, setText] = useState(parameters.get("find") ?? "");
  const sort = (parameters.get("sort") ?? "name") as Column;
  const shown = useMemo(() => sortMetrics(filterMetrics(data ?? [], text), sort), [data, text, sort]);
  useKeys("Metrics", [
    { keys: ["/"], label: "Filter", run: () => document.querySelector<HTMLElement>("[data-shortcut=metric-filter]")?.focus() },
    { keys: ["r"], label: "Ask again", run: reload },
    { keys: ["Escape"], label: "Leave the field", always: true, run: () => (document.activeElement as HTMLElement | null)?.blur() },
  ]);
  return (
    <div className="metrics-page">
      <div className="log-filters">
        <input
          className="input grow"
          data-shortcut="metric-filter"
          aria-label="Filter metrics by name, service or description"
          placeholder="Filter by name, service or description  /"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setParameters({ find: event.target.value });
          }}
        />
        <TimeRangePicker range={range} onChange={(next) => setParameters(rangeParameters(next), "push")} />
        <span className="muted" role="status">
          {data && (shown.length === data.length ? plural(data.length, "metric") : `${formatCount(shown.length)} of ${plural(data.length, "metric")}`)}
        </span>
      </div>
      <Progress since={since} doing="Listing metrics" onCancel={cancel} />
      {error && <Failure error={error} onRetry={reload} />}
      {data?.length === 0 && (
        <Notice title="No metrics have arrived in this time range">
          <p>They come in over OTLP like traces: set OTEL_METRICS_EXPORTER=otlp, or send to :4318/v1/metrics.</p>
        </Notice>
      )}
      {data && data.length > 0 && (
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                {(Object.keys(columns) as Column[]).map((column) => (
                  <th key={column} className={numeric.includes(column) ? "right" : undefined} aria-sort={sort === column ? (numeric.includes(column) ? "descending" : "ascending") : undefined}>
                    <button type="button" onClick={() => setParameters({ sort: column === "name" ? undefined : column })}>
                      {columns[column]}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((metric) => (
                <MetricRow key={`${metric.name} ${metric.kind} ${metric.unit}`} metric={metric} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function MetricRow({ metric }: { metric: Metric }) {
  const { dark } = useTheme();
  const last = msOf(metric.lastNs);
  return (
    <tr>
      <td>
        <b className="mono">{metric.name}</b>
        {metric.description && <div className="muted">{metric.description}</div>}
      </td>
      <td>
        <span className="tag">{metric.kind.replaceAll("_", " ")}</span>
      </td>
      <td className="mono">{metric.unit || <span className="muted">–</span>}</td>
      <td className="chips-cell">
        {metric.services.map((service) => (
          <span key={service} className="chip">
            <i style={{ background: serviceColour(service, dark) }} />
            {service}
          </span>
        ))}
      </td>
      <td className="right num">{formatCount(metric.series)}</td>
      <td className="right num">{formatCount(metric.points)}</td>
      <td className="right num" title={formatInstant(last)}>
        {formatAgo(last, Date.now())}
      </td>
    </tr>
  );
}

function filterMetrics(list: Metric[], text: string): Metric[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter((metric) => {
    const hay = `${metric.name} ${metric.description} ${metric.unit} ${metric.kind} ${metric.services.join(" ")}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  });
}

function sortMetrics(list: Metric[], sort: Column): Metric[] {
  const by: Partial<Record<Column, (metric: Metric) => number>> = {
    series: (metric) => -metric.series,
    points: (metric) => -metric.points,
    last: (metric) => -msOf(metric.lastNs),
  };
  const text: Partial<Record<Column, (metric: Metric) => string>> = { kind: (m) => m.kind, unit: (m) => m.unit, services: (m) => m.services.join(" ") };
  const number = by[sort] ?? (() => 0);
  const word = text[sort] ?? (() => "");
  return list.toSorted((a, b) => number(a) - number(b) || word(a).localeCompare(word(b)) || a.name.localeCompare(b.name));
}
