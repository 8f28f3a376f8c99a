import type { SpanLink, Trace } from "../api/types";
import { Capped } from "../parts/Capped";
import { Icon } from "../parts/Icon";
import { Link } from "../router";
import { Attributes } from "./Attributes";

type Props = { links: SpanLink[]; linkedFrom: Trace["linkedFrom"]; range: string };

/** Both directions: what this span points at, and what points at it. */
export function Links({ links, linkedFrom, range }: Props) {
  return (
    <ul className="links">
      <Capped items={links} what="links">
        {(link, at) => (
          // The same span may be linked twice.
          <li key={at}>
            <SpanLinkTo direction="To" traceId={link.traceId} spanId={link.spanId} />
            {link.attributes.length > 0 && <Attributes attributes={link.attributes} scope="link" range={range} />}
          </li>
        )}
      </Capped>
      <Capped items={linkedFrom} what="spans that link here">
        {(link) => (
          <li key={`${link.traceId}${link.spanId}`}>
            <SpanLinkTo direction="From" traceId={link.traceId} spanId={link.spanId} />
          </li>
        )}
      </Capped>
    </ul>
  );
}

function SpanLinkTo({ direction, traceId, spanId }: { direction: "To" | "From"; traceId: string; spanId: string }) {
  return (
    <Link href={`/trace/${traceId}?span=${spanId}`} className="span-link" title={`${direction === "To" ? "This span links to" : "Linked from"} span ${spanId} of trace ${traceId}`}>
      <Icon name="link" size={12} /> {direction} <span className="mono">{traceId.slice(0, 8)}…</span> span <span className="mono">{spanId}</span>
    </Link>
  );
}
