/** Suggestions for the query under edit, asked from the store and kept for a moment. */
import { type Window, tagNames, tagValues } from "../api/client";
import { type CompletionContext, fixedValues, intrinsics, operators, rank } from "../traceql/completion";
import { fieldName, quote } from "../traceql/lexer";

const keptMs = 20_000;
const keptMax = 200;
const answers = new Map<string, { at: number; value: Promise<string[]> }>();

function kept(key: string, load: () => Promise<string[]>): Promise<string[]> {
  const known = answers.get(key);
  if (known && Date.now() - known.at < keptMs) return known.value;
  const value = load();
  if (answers.size >= keptMax) answers.clear();
  answers.set(key, { at: Date.now(), value });
  value.catch(() => answers.delete(key));
  return value;
}

const windowKey = (window: Window) => `${Math.floor(window.start / 60_000)}-${Math.floor(window.end / 60_000)}`;

/** In the order of how often a query starts with them. */
const attributeScopes = ["span", "resource", "event", "link", "instrumentation"];

/** Every field a comparison may start with: attributes seen in the store, then intrinsics. */
export function fieldNames(narrow: string, window: Window): Promise<string[]> {
  return kept(`names ${narrow} ${windowKey(window)}`, async () => {
    const { scopes } = await tagNames(narrow, window);
    const attributes = attributeScopes.flatMap((name) => {
      const tags = scopes.find((scope) => scope.name === name)?.tags ?? [];
      return tags.map((tag) => fieldName(name, tag));
    });
    return [...attributes, ...intrinsics];
  });
}

/** Values as they are written in a query: strings quoted. */
export function fieldValues(field: string, narrow: string, window: Window): Promise<string[]> {
  const fixed = fixedValues[field];
  if (fixed) return Promise.resolve(fixed);
  return kept(`values ${field} ${narrow} ${windowKey(window)}`, async () => {
    const { tagValues: values } = await tagValues(field, narrow, window);
    return values.map(({ type, value }) => (type === "string" ? quote(value) : value));
  });
}

export async function suggestionsFor(context: CompletionContext, window: Window): Promise<string[]> {
  switch (context.kind) {
    case "field":
      return rank(await fieldNames(context.narrow, window), context.prefix);
    case "operator":
      return rank(operators, context.prefix);
    case "value":
      return rank(await fieldValues(context.field, context.narrow, window), context.prefix);
    case "join":
      return rank(["&&", "||"], context.prefix);
    case "none":
      return [];
  }
}
