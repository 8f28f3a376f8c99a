/** The mock's share of TraceQL: comparisons over spans, &&, ||. */
import { type Expression, type Literal, parseFilter } from "../../src/traceql/expression.ts";
import type { Attribute } from "../../src/api/types.ts";
import type { StoredSpan } from "./store.ts";

export class QueryFault extends Error {
  constructor(
    message: string,
    readonly position: number,
  ) {
    super(message);
  }
}

export function compile(query: string): (span: StoredSpan) => boolean {
  const expression = parseFilter(query);
  if (!expression) throw new QueryFault(faultText(query), faultPosition(query));
  return (span) => holds(expression, span);
}

function faultPosition(query: string): number {
  const operator = /[=<>~]\s*(&&|\}|$)/.exec(query);
  if (operator) return operator.index + 1;
  return query.trim().startsWith("{") ? Math.max(0, query.length - 1) : 0;
}

function faultText(query: string): string {
  if (!query.trim().startsWith("{")) return "expected a spanset filter that starts with {";
  return /[=<>~]\s*(&&|\}|$)/.test(query) ? "expected a value after the operator" : "this query is beyond the mock server";
}

function holds(expression: Expression, span: StoredSpan): boolean {
  switch (expression.type) {
    case "all":
      return true;
    case "and":
      return holds(expression.left, span) && holds(expression.right, span);
    case "or":
      return holds(expression.left, span) || holds(expression.right, span);
    case "exists":
      return fieldValue(span, expression.field) !== undefined;
    case "compare":
      return compare(fieldValue(span, expression.field), expression.operator, expression.value);
  }
}

export function fieldValue(span: StoredSpan, field: string): unknown {
  switch (field) {
    case "name":
    case "span:name":
      return span.name;
    case "duration":
    case "span:duration":
      return Number(span.durationNs);
    case "status":
    case "span:status":
      return span.status;
    case "statusMessage":
      return span.statusMessage;
    case "kind":
    case "span:kind":
      return span.kind;
    case "trace:id":
      return span.traceId;
  }
  const [, scope = "", key = ""] = /^(span|resource|event|)\.(.*)$/.exec(field) ?? [];
  const look = (attributes: Attribute[]) => comparable(attributes.find((attribute) => attribute.key === key));
  if (scope === "span") return look(span.attributes);
  if (scope === "resource") return look(span.resource);
  if (scope === "event") return look(span.events.flatMap((event) => event.attributes));
  return look(span.attributes) ?? look(span.resource);
}

/** Integers travel as text but compare as numbers. */
function comparable(attribute: Attribute | undefined): unknown {
  return attribute?.type === "int" ? Number(attribute.value) : attribute?.value;
}

function compare(left: unknown, operator: string, literal: Literal): boolean {
  if (literal.type === "nil") return operator === "=" ? left === undefined : left !== undefined;
  const right = literal.value;
  if (typeof left !== typeof right) return false;
  switch (operator) {
    case "=":
      return left === right;
    case "!=":
      return left !== right;
    case "=~":
      return new RegExp(`^(?:${right})$`).test(String(left));
    case "!~":
      return !new RegExp(`^(?:${right})$`).test(String(left));
    case ">":
      return Number(left) > Number(right);
    case ">=":
      return Number(left) >= Number(right);
    case "<":
      return Number(left) < Number(right);
    case "<=":
      return Number(left) <= Number(right);
    default:
      return false;
  }
}
