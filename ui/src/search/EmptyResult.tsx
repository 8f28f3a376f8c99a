import { Copy } from "../parts/Copy";
import { Notice } from "../parts/Notice";
import type { Range } from "../time/range";
import type { Receiver } from "./live";
import { reachable } from "./receiver_address";
import { relativeChoices } from "../time/range";
import { isEverything } from "./search_state";

type Props = {
  query: string;
  range: Range;
  /** Known when the store has never seen a span: then the page says how to send one. */
  receivers: Receiver[] | undefined;
  onRange: (range: Range) => void;
  onClear: () => void;
};

/** Nothing found: either nothing ever arrived, or the question was too narrow. */
export function EmptyResult({ query, range, receivers, onRange, onClear }: Props) {
  if (receivers) return <FirstSteps receivers={receivers} />;
  const at = range.kind === "relative" ? relativeChoices.indexOf(range.text) : -1;
  const wider = relativeChoices[at < 0 ? relativeChoices.indexOf("24h") : Math.min(at + 4, relativeChoices.length - 1)] ?? "24h";
  const filtered = !isEverything(query);
  return (
    <Notice title="No traces match">
      <p>{filtered ? "Nothing in this time range answers the query." : "Nothing arrived in this time range."}</p>
      <p className="row-gap">
        {!(range.kind === "relative" && range.text === wider) && (
          <button type="button" className="button" onClick={() => onRange({ kind: "relative", text: wider })}>
            Look at the last {wider}
          </button>
        )}
        {filtered && (
          <button type="button" className="button" onClick={onClear}>
            Drop the filter
          </button>
        )}
      </p>
    </Notice>
  );
}

function FirstSteps({ receivers }: { receivers: Receiver[] }) {
  const page = location.hostname || "localhost";
  const find = (kind: string, usual: number) => reachable(receivers.find(({ name }) => name.includes(kind))?.address ?? `:${usual}`, page);
  const http = find("http", 4318);
  const environment = `export OTEL_EXPORTER_OTLP_ENDPOINT=http://${http}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nexport OTEL_SERVICE_NAME=my-service`;
  const curl = `curl http://${http}/v1/traces -H 'content-type: application/json' -d '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hello"}}]},"scopeSpans":[{"spans":[{"traceId":"'$(openssl rand -hex 16)'","spanId":"'$(openssl rand -hex 8)'","name":"first span","kind":1,"startTimeUnixNano":"'$(date +%s)'000000000","endTimeUnixNano":"'$(date +%s)'250000000"}]}]}]}'`;
  return (
    <Notice title="Nothing has arrived yet">
      <p>Point any OpenTelemetry SDK here. Most read these variables:</p>
      <Snippet text={environment} />
      <p>
        gRPC is at <b className="mono">{find("grpc", 4317)}</b>. Or send one span by hand:
      </p>
      <Snippet text={curl} />
      <p className="muted">Turn on Live above, and traces show up here as they arrive.</p>
    </Notice>
  );
}

function Snippet({ text }: { text: string }) {
  return (
    <div className="snippet">
      <pre>{text}</pre>
      <Copy text={text} label="Copy" />
    </div>
  );
}
