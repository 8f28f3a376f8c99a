/** TraceQL in tokens, for colouring, completion and the form. Never fails: what it cannot read is `unknown`. */

export type TokenKind =
  | "open"
  | "close"
  | "paren"
  | "operator"
  | "logic"
  | "string"
  | "number"
  | "duration"
  | "field"
  | "keyword"
  | "pipe"
  | "unknown";

export type Token = { kind: TokenKind; text: string; start: number; end: number };

const keywords = new Set(["true", "false", "nil", "error", "ok", "unset", "server", "client", "producer", "consumer", "internal", "unspecified"]);

const patterns: [TokenKind, RegExp][] = [
  ["string", /"(?:[^"\\]|\\.)*"?|`[^`]*`?/y],
  ["logic", /&&|\|\|/y],
  ["operator", /=~|!~|!=|>=|<=|=|>|<|!|\+|-|\*|\/|%|\^/y],
  ["duration", /\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h)(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))*(?![\w.])/y],
  ["number", /\d+(?:\.\d+)?(?![\w.])/y],
  ["field", /(?:[\p{L}_.][\p{L}\p{N}_.:\-/]*|"(?:[^"\\]|\\.)*")+/uy],
  ["open", /\{/y],
  ["close", /\}/y],
  ["paren", /[()]/y],
  ["pipe", /\||,/y],
];

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? "")) {
      at += 1;
      continue;
    }
    const token = next(text, at);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

function next(text: string, at: number): Token {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (!found) continue;
    const exact = kind === "field" && keywords.has(found) ? "keyword" : kind;
    return { kind: exact, text: found, start: at, end: at + found.length };
  }
  return { kind: "unknown", text: text[at] ?? "", start: at, end: at + 1 };
}

export function quote(value: string): string {
  return `"${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;
}

export function unquote(token: string): string {
  if (token.startsWith("`")) return token.replace(/^`|`$/g, "");
  const inner = token.slice(1, token.endsWith('"') && token.length > 1 ? -1 : undefined);
  return inner.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c === "t" ? "\t" : c));
}

/** An attribute key as TraceQL writes it after its scope: quoted when it holds what a name may not. */
export function fieldName(scope: string, key: string): string {
  const plain = /^[\p{L}_][\p{L}\p{N}_.:\-/]*$/u.test(key);
  return `${scope}.${plain ? key : quote(key)}`;
}

/** The server counts bytes of UTF-8; the page counts UTF-16 units. */
export function indexOfByte(text: string, byte: number): number {
  let bytes = 0;
  let index = 0;
  for (const character of text) {
    if (bytes >= byte) break;
    bytes += new TextEncoder().encode(character).length;
    index += character.length;
  }
  return index;
}
