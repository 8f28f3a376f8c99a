import { Copy } from "../parts/Copy";
import { Notice } from "../parts/Notice";
import type { Range } from "../time/range";
import { relativeChoices } from "../time/range";
import { isEverything } from "./search_state";

type Props = {
  query: string;
  range: Range;
  storeIsEmpty: boolean;
  onRange: (range: Range) => void;
  onClear: () => void;
};

/** Nothing found: either nothing ever arrived, or the question was too narrow. */
export function EmptyResult({ query, range, storeIsEmpty, onRange, onClear }: Props) {
  if (storeIsEmpty) return <FirstSteps />;
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

function FirstSteps() {
  const host = location.hostname || "localhost";
  const environment = `export OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:4318\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nexport OTEL_SERVICE_NAME=my-service`;
  const curl = `curl http://${host}:4318/v1/traces -H 'content-type: application/json' -d '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hello"}}]},"scopeSpans":[{"spans":[{"traceId":"'$(openssl rand -hex 16)'","spanId":"'$(openssl rand -hex 8)'","name":"first span","kind":1,"startTimeUnixNano":"'$(date +%s)'000000000","endTimeUnixNano":"'$(date +%s)'250000000"}]}]}]}'`;
  return (
    <Notice title="Nothing has arrived yet">
      <p>Point any OpenTelemetry SDK here. Most read these variables:</p>
      <Snippet text={environment} />
      <p>Over gRPC the port is 4317. Or send one span by hand:</p>
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
