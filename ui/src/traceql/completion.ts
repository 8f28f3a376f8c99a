/** What can stand at the cursor of a query, and the query to narrow the suggestions by. */
import { type Token, tokenize } from "./lexer";

export type CompletionContext =
  | { kind: "field"; prefix: string; from: number; to: number; narrow: string }
  | { kind: "operator"; prefix: string; from: number; to: number; field: string }
  | { kind: "value"; field: string; prefix: string; from: number; to: number; narrow: string }
  | { kind: "join"; prefix: string; from: number; to: number }
  | { kind: "none" };

export const intrinsics = [
  "name",
  "duration",
  "status",
  "statusMessage",
  "kind",
  "rootName",
  "rootServiceName",
  "traceDuration",
  "event:name",
  "link:traceID",
  "span:id",
  "span:parentID",
  "trace:id",
  "instrumentation:name",
];

export const operators = ["=", "!=", "=~", "!~", ">", ">=", "<", "<="];

/** Values known without asking. */
export const fixedValues: Record<string, string[]> = {
  status: ["error", "ok", "unset"],
  kind: ["server", "client", "producer", "consumer", "internal"],
  duration: ["10ms", "100ms", "1s", "10s"],
  traceDuration: ["100ms", "1s", "10s"],
};

export function completionAt(text: string, cursor: number): CompletionContext {
  const tokens = tokenize(text);
  const index = tokens.findIndex((token) => token.start < cursor && cursor <= token.end);
  const touching = index >= 0 ? tokens[index] : undefined;
  const before = index >= 0 ? tokens.slice(0, index) : tokens.filter((token) => token.end < cursor);
  if (!inside(before)) {
    const isOpening = touching?.kind === "open" && cursor === touching.end;
    if (!isOpening) return { kind: "none" };
  }
  const within = touching && !(edge(touching) && cursor === touching.end) ? touching : undefined;
  const previous = within ? before.at(-1) : (touching ?? before.at(-1));
  const span = { from: within?.start ?? cursor, to: within?.end ?? cursor, prefix: within ? text.slice(within.start, cursor) : "" };
  return classify(text, tokens, previous, within, span);
}

type Place = { from: number; to: number; prefix: string };

function classify(text: string, tokens: Token[], previous: Token | undefined, within: Token | undefined, span: Place): CompletionContext {
  if (previous?.kind === "operator") {
    const field = tokens[tokens.indexOf(previous) - 1];
    if (field?.kind !== "field") return { kind: "none" };
    return { kind: "value", field: field.text, ...span, narrow: without(text, field.start, span.to) };
  }
  const startsTerm = !previous || previous.kind === "open" || previous.kind === "logic" || previous.text === "(";
  if (startsTerm) {
    const wordLike = !within || within.kind === "field" || within.kind === "keyword";
    return wordLike ? { kind: "field", ...span, narrow: without(text, span.from, span.to) } : { kind: "none" };
  }
  if (previous.kind === "field") return { kind: "operator", field: previous.text, ...span };
  return { kind: "join", ...span };
}

/** Tokens that a word typed right after does not extend. */
function edge(token: Token): boolean {
  return ["open", "close", "paren", "operator", "logic", "pipe"].includes(token.kind);
}

function inside(tokens: Token[]): boolean {
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === "open") depth += 1;
    if (token.kind === "close") depth -= 1;
  }
  return depth > 0;
}

/**
 * The query with the term under the cursor taken out, so suggestions fit the rest of it. Only plain
 * conjunctions narrow; anything else suggests from everything.
 */
function without(text: string, from: number, to: number): string {
  if (text.includes("||") || /[|]\s/.test(text)) return "{}";
  const open = text.lastIndexOf("{", from);
  const closing = text.indexOf("}", to);
  const body = [text.slice(open + 1, from), text.slice(to, closing < 0 ? undefined : closing)].join(" ");
  const terms = body
    .split("&&")
    .map((term) => term.trim())
    .filter((term) => complete(term));
  return terms.length === 0 ? "{}" : `{ ${terms.join(" && ")} }`;
}

function complete(term: string): boolean {
  const tokens = tokenize(term);
  return tokens.length === 3 && tokens[0]?.kind === "field" && tokens[1]?.kind === "operator";
}

/** Suggestions that start with what is typed first, then those that only contain it. */
export function rank(candidates: string[], typed: string, limit = 50): string[] {
  const needle = typed.replace(/^["`]/, "").toLowerCase();
  const score = (candidate: string) => {
    const text = candidate.toLowerCase();
    const at = text.indexOf(needle);
    if (at < 0) return -1;
    if (at === 0) return 3;
    return /[._:\s]/.test(text[at - 1] ?? "") ? 2 : 1;
  };
  const scored = candidates.map((candidate) => ({ candidate, score: score(candidate) })).filter((c) => c.score > 0);
  scored.sort((a, b) => b.score - a.score);
  return scored.slice(0, limit).map((c) => c.candidate);
}
