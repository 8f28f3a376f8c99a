import { formatAgo, msOf } from "../time/format";
import { formatBytes, formatShort } from "../time/number";
import type { StatusView } from "./server_status";

export function Footer({ status: { data, reachable } }: { status: StatusView }) {
  return (
    <footer className="footer">
      <span className={reachable ? "state-dot ok" : "state-dot error"} aria-hidden="true" />
      {data ? (
        <>
          {data.receivers.map((receiver) => (
            <span key={receiver.name} className="receiver">
              {receiver.name} <b className="mono">{receiver.address}</b>
            </span>
          ))}
          <span className="gap" />
          <span title="In the store now">
            <b>{formatShort(data.store.spans)}</b> spans · <b>{formatShort(data.store.logs)}</b> logs · <b>{formatShort(data.store.points)}</b> points
          </span>
          <span title={`${data.store.segments} segments in ${data.dataDir}`}>{formatBytes(data.store.bytes)}</span>
          {data.store.oldestNs && <span>oldest {formatAgo(msOf(data.store.oldestNs), Date.now())}</span>}
          <span>v{data.version}</span>
        </>
      ) : (
        <span>{reachable ? "Asking the server…" : "The server does not answer"}</span>
      )}
    </footer>
  );
}
