import { logs, trace } from "../api/client";
import { useRequest } from "../api/request";
import { Failure, Notice } from "../parts/Notice";
import { Progress } from "../parts/Progress";
import { Link } from "../router";
import { msOf } from "../time/format";
import { TraceView } from "./TraceView";

const logsMax = 1000;

export function TracePage({ traceId }: { traceId: string }) {
  const { data, error, since, cancelled, reload, cancel } = useRequest(traceId, (signal) => trace(traceId, signal));
  const logKey = data ? `${traceId} ${data.spans.length}` : null;
  const traceLogs = useRequest(logKey, (signal) => {
    const window = data && { start: msOf(data.startNs) - 3_600_000, end: msOf(data.endNs) + 3_600_000 };
    return logs({ traceId, window, limit: logsMax }, signal);
  });
  return (
    <div className="trace-page">
      <Progress since={since} doing="Loading the trace" onCancel={cancel} />
      {error?.code === "not_found" && (
        <Notice title="This trace is not here">
          <p className="mono">{traceId}</p>
          <p>{error.message}. It may be older than the retention, not sampled, or still on the way.</p>
          <p className="row-gap">
            <button type="button" className="button" onClick={reload}>
              Look again
            </button>
            <Link href="/search" className="button">
              Search traces
            </Link>
          </p>
        </Notice>
      )}
      {error && error.code !== "not_found" && <Failure error={error} onRetry={reload} />}
      {cancelled && !data && (
        <Notice title="Cancelled">
          <button type="button" className="button" onClick={reload}>
            Load the trace
          </button>
        </Notice>
      )}
      {data && <TraceView key={logKey} trace={data} logs={traceLogs.data?.logs ?? noLogs} logsFailed={traceLogs.error} onReload={reload} />}
    </div>
  );
}

const noLogs: never[] = [];
