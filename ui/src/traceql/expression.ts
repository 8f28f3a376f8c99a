/** The spanset filter `{ … }` as a tree: comparisons joined by && and ||. Enough for the form; the server parses the rest. */
import { parseDuration } from "../time/format.ts";
import { type Token, tokenize, unquote } from "./lexer.ts";

export type Literal =
  | { type: "string"; value: string }
  | { type: "number"; value: number }
  | { type: "duration"; value: number; text: string }
  | { type: "bool"; value: boolean }
  | { type: "nil" }
  | { type: "keyword"; value: string };

export type Comparison = { type: "compare"; field: string; operator: string; value: Literal };
export type Expression =
  | { type: "all" }
  | Comparison
  | { type: "exists"; field: string }
  | { type: "and" | "or"; left: Expression; right: Expression };

class Unreadable extends Error {}

/** Undefined when the text is not one plain spanset filter. */
export function parseFilter(text: string): Expression | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return { type: "all" };
  try {
    const reader = new Reader(tokenize(trimmed));
    return reader.filter();
  } catch (fault) {
    if (fault instanceof Unreadable) return undefined;
    throw fault;
  }
}

class Reader {
  private at = 0;
  constructor(private readonly tokens: Token[]) {}

  filter(): Expression {
    this.take("open");
    if (this.peek()?.kind === "close") {
      this.at += 1;
      return this.end({ type: "all" });
    }
    const expression = this.either();
    this.take("close");
    return this.end(expression);
  }

  private end(expression: Expression): Expression {
    if (this.at < this.tokens.length) throw new Unreadable();
    return expression;
  }

  private either(): Expression {
    let left = this.both();
    while (this.peek()?.text === "||") {
      this.at += 1;
      left = { type: "or", left, right: this.both() };
    }
    return left;
  }

  private both(): Expression {
    let left = this.one();
    while (this.peek()?.text === "&&") {
      this.at += 1;
      left = { type: "and", left, right: this.one() };
    }
    return left;
  }

  private one(): Expression {
    if (this.peek()?.text === "(") {
      this.at += 1;
      const inner = this.either();
      if (this.take("paren").text !== ")") throw new Unreadable();
      return inner;
    }
    const field = this.peek();
    if (field?.kind === "keyword" && (field.text === "true" || field.text === "false")) {
      this.at += 1;
      if (field.text === "true") return { type: "all" };
      throw new Unreadable();
    }
    const name = this.take("field").text;
    if (this.peek()?.kind !== "operator") return { type: "exists", field: name };
    const operator = this.take("operator").text;
    return { type: "compare", field: name, operator, value: this.literal() };
  }

  private literal(): Literal {
    let token = this.tokens[this.at];
    this.at += 1;
    let sign = 1;
    if (token?.text === "-") {
      sign = -1;
      token = this.tokens[this.at];
      this.at += 1;
    }
    if (!token) throw new Unreadable();
    if (token.kind === "number") return { type: "number", value: sign * Number(token.text) };
    if (token.kind === "duration") return { type: "duration", value: sign * (parseDuration(token.text) ?? 0), text: token.text };
    if (sign < 0) throw new Unreadable();
    if (token.kind === "string") return { type: "string", value: unquote(token.text) };
    if (token.text === "true" || token.text === "false") return { type: "bool", value: token.text === "true" };
    if (token.text === "nil") return { type: "nil" };
    if (token.kind === "keyword") return { type: "keyword", value: token.text };
    throw new Unreadable();
  }

  private peek(): Token | undefined {
    return this.tokens[this.at];
  }

  private take(kind: Token["kind"]): Token {
    const token = this.tokens[this.at];
    if (token?.kind !== kind) throw new Unreadable();
    this.at += 1;
    return token;
  }
}

/** The comparisons of a pure conjunction, in order; undefined where || or an existence test takes part. */
export function conjunction(expression: Expression): Comparison[] | undefined {
  if (expression.type === "all") return [];
  if (expression.type === "compare") return [expression];
  if (expression.type !== "and") return undefined;
  const left = conjunction(expression.left);
  const right = conjunction(expression.right);
  return left && right ? [...left, ...right] : undefined;
}
