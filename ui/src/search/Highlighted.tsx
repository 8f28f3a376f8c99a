import { tokenize } from "../traceql/lexer";

/** The query in colours, under the transparent text area; the token at `fault` is underlined. */
export function Highlighted({ text, fault }: { text: string; fault: number | undefined }) {
  const parts: React.ReactNode[] = [];
  let at = 0;
  let marked = false;
  for (const token of tokenize(text)) {
    if (token.start > at) parts.push(text.slice(at, token.start));
    const wrong: boolean = fault !== undefined && !marked && token.end > fault;
    marked ||= wrong;
    parts.push(
      <span key={token.start} className={`tk-${token.kind}${wrong ? " tk-wrong" : ""}`}>
        {token.text}
      </span>,
    );
    at = token.end;
  }
  parts.push(text.slice(at));
  if (fault !== undefined && !marked) {
    parts.push(
      <span key="end" className="tk-wrong">
        {"\u00a0\u00a0"}
      </span>,
    );
  }
  return (
    <pre className="query-colours" aria-hidden="true">
      {parts}{" "}
    </pre>
  );
}
