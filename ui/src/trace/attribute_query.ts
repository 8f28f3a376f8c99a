import type { Attribute } from "../api/types";
import { fieldName, quote } from "../traceql/lexer";

/** The query that finds the same value again; undefined for values that cannot be compared. */
export function sameValue(scope: string, { key, type, value }: Attribute): string | undefined {
  const field = fieldName(scope, key);
  if (type === "string" && typeof value === "string") return `{ ${field} = ${quote(value)} }`;
  if ((type === "int" || type === "double" || type === "bool") && typeof value !== "object") return `{ ${field} = ${String(value)} }`;
  return undefined;
}
