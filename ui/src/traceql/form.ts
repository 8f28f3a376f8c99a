/** The search form and the query text are two views of one thing: text to form where it fits, form to text always. */
import { type Comparison, conjunction, type Literal, parseFilter } from "./expression";
import { quote } from "./lexer";

export type AttributeRow = { field: string; operator: string; value: string };

export type Form = {
  service: string;
  operation: string;
  status: "" | "ok" | "error" | "unset";
  minDuration: string;
  maxDuration: string;
  attributes: AttributeRow[];
};

export const emptyForm: Form = { service: "", operation: "", status: "", minDuration: "", maxDuration: "", attributes: [] };

export const attributeOperators = ["=", "!=", "=~", "!~", ">", ">=", "<", "<="];

/** Undefined when the query says more than the form can show. */
export function formOf(query: string): Form | undefined {
  const expression = parseFilter(query);
  const comparisons = expression && conjunction(expression);
  if (!comparisons) return undefined;
  const form: Form = { ...emptyForm, attributes: [] };
  for (const comparison of comparisons) {
    if (!place(form, comparison)) form.attributes.push(rowOf(comparison));
  }
  return form;
}

function place(form: Form, { field, operator, value }: Comparison): boolean {
  if (operator === "=" && value.type === "string") {
    if (field === "resource.service.name" && !form.service) return Boolean((form.service = value.value));
    if (field === "name" && !form.operation) return Boolean((form.operation = value.value));
  }
  if (field === "status" && operator === "=" && value.type === "keyword" && !form.status) {
    if (value.value === "error" || value.value === "ok" || value.value === "unset") {
      form.status = value.value;
      return true;
    }
  }
  if (field === "duration" && value.type === "duration") {
    if (operator === ">=" && !form.minDuration) return Boolean((form.minDuration = value.text));
    if (operator === "<=" && !form.maxDuration) return Boolean((form.maxDuration = value.text));
  }
  return false;
}

function rowOf({ field, operator, value }: Comparison): AttributeRow {
  return { field, operator, value: literalText(value) };
}

/** What the value box shows: bare text for a string unless bare text would be read as another type. */
function literalText(value: Literal): string {
  switch (value.type) {
    case "string":
      return literalOf(value.value) === quote(value.value) ? value.value : quote(value.value);
    case "duration":
      return value.text;
    case "nil":
      return "nil";
    default:
      return String(value.value);
  }
}

/** The literal that a typed value stands for: numbers, durations, true, false, nil and keywords bare, the rest a string. */
export function literalOf(text: string): string {
  const trimmed = text.trim();
  if (/^-?\d+(\.\d+)?$/.test(trimmed)) return trimmed;
  if (/^\d+(\.\d+)?(ns|us|µs|ms|s|m|h)$/.test(trimmed)) return trimmed;
  if (/^(true|false|nil)$/.test(trimmed)) return trimmed;
  if (/^"(?:[^"\\]|\\.)*"$/.test(trimmed)) return trimmed;
  return quote(text);
}

const keywordFields: Record<string, RegExp> = {
  status: /^(ok|error|unset)$/,
  kind: /^(server|client|producer|consumer|internal|unspecified)$/,
  "span:status": /^(ok|error|unset)$/,
  "span:kind": /^(server|client|producer|consumer|internal|unspecified)$/,
};

function term({ field, operator, value }: AttributeRow): string {
  const literal = keywordFields[field]?.test(value.trim()) ? value.trim() : literalOf(value);
  const text = operator === "=~" || operator === "!~" ? (literal.startsWith('"') ? literal : quote(value)) : literal;
  return `${field} ${operator} ${text}`;
}

export function queryOf(form: Form): string {
  const terms: string[] = [];
  if (form.service) terms.push(`resource.service.name = ${quote(form.service)}`);
  if (form.operation) terms.push(`name = ${quote(form.operation)}`);
  if (form.status) terms.push(`status = ${form.status}`);
  if (form.minDuration.trim()) terms.push(`duration >= ${form.minDuration.trim()}`);
  if (form.maxDuration.trim()) terms.push(`duration <= ${form.maxDuration.trim()}`);
  for (const row of form.attributes) {
    if (row.field.trim() && row.value.trim()) terms.push(term(row));
  }
  return terms.length === 0 ? "{ }" : `{ ${terms.join(" && ")} }`;
}
