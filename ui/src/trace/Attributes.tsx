import type { Attribute } from "../api/types";
import { Copy } from "../parts/Copy";
import { Link } from "../router";
import { sameValue } from "./attribute_query";
import { valueText } from "./find";

type Props = {
  attributes: Attribute[];
  /** The TraceQL scope to search the same value in; absent: not searchable. */
  scope?: "span" | "resource" | "event" | "link";
  /** Rest of the search address: the time range. */
  range?: string;
};

export function Attributes({ attributes, scope, range }: Props) {
  return (
    <dl className="attributes">
      {attributes.map((attribute) => {
        const query = scope && sameValue(scope, attribute);
        const text = valueText(attribute.value);
        const shown = <Value attribute={attribute} text={text} />;
        return (
          <div key={attribute.key} className="attribute">
            <dt title={attribute.key}>{attribute.key}</dt>
            <dd>
              {query ? (
                <Link href={`/search?q=${encodeURIComponent(query)}${range ? `&${range}` : ""}`} title={`Search: ${query}`}>
                  {shown}
                </Link>
              ) : (
                shown
              )}
              <Copy text={text} label={`Copy the value of ${attribute.key}`} />
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

function Value({ attribute: { type, value }, text }: { attribute: Attribute; text: string }) {
  if ((type === "array" || type === "map") && text.length > 60) return <pre className="value-json">{layOut(value)}</pre>;
  const kind = type === "string" || type === "bytes" ? "string" : type;
  return <span className={`value-${kind}`}>{text === "" ? '""' : text}</span>;
}

function layOut(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
