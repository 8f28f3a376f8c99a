import { Notice } from "../parts/Notice";
import { Highlighted } from "./Highlighted";

const examples: [string, string][] = [
  ["{ status = error }", "Traces with a failed span"],
  ["{ duration > 500ms }", "A span that took longer"],
  ['{ resource.service.name = "orders" && kind = server }', "One service, its server side"],
  ["{ span.http.response.status_code >= 500 }", "Numbers compare as numbers"],
  ['{ name =~ "GET .*" && event:name = "exception" }', "A pattern for the whole name"],
];

/** Shown when the first query of a visit cannot be read. */
export function QueryExamples({ onPick }: { onPick: (query: string) => void }) {
  return (
    <Notice title="This query cannot be read">
      <p>The mistake is underlined above. Queries look like these:</p>
      <ul className="query-examples">
        {examples.map(([query, meaning]) => (
          <li key={query}>
            <button type="button" onClick={() => onPick(query)}>
              <Highlighted text={query} fault={undefined} />
              <span className="muted">{meaning}</span>
            </button>
          </li>
        ))}
      </ul>
    </Notice>
  );
}
