import { expect, test } from "vitest";
import type { Span } from "../api/types";
import { sameValue } from "./attribute_query";
import { Finder, nextMatch } from "./find";
import { readStack } from "./stacktrace";

function span(name: string, attributes: Record<string, unknown>): Span {
  const list = Object.entries(attributes).map(([key, value]) => ({ key, type: "string" as const, value }));
  return { spanId: name, parentSpanId: null, name, service: "shop", kind: "server", startNs: "0", durationNs: "0", status: "unset", statusMessage: "", traceState: "", resource: 0, scope: 0, attributes: list, events: [], links: [], orphan: false, skewNs: "0" };
}

const spans = [span("GET /a", { "user.id": "U-7" }), span("GET /b", {}), span("SELECT", { "user.id": "u-8" })];

test("every word has to occur, in any case, anywhere in the span", () => {
  const finder = new Finder(spans, []);
  expect(finder.find("get")).toEqual([0, 1]);
  expect(finder.find("user.id=u-7 GET")).toEqual([0]);
  expect(finder.find('"get /b"')).toEqual([1]);
  expect(finder.find("  ")).toEqual([]);
});

test("log bodies count for their span", () => {
  const log = { timeNs: "0", severityNumber: 9, severityText: "", service: "", body: "Pool exhausted", traceId: "", spanId: "", attributes: [], resource: [] };
  expect(new Finder(spans, [{ log, at: 0, span: 2 }]).find("exhausted")).toEqual([2]);
});

test("matches go round", () => {
  expect(nextMatch([2, 5, 9], 5, 1)).toBe(9);
  expect(nextMatch([2, 5, 9], 9, 1)).toBe(2);
  expect(nextMatch([2, 5, 9], 2, -1)).toBe(9);
  expect(nextMatch([2, 5, 9], -1, 1)).toBe(2);
  expect(nextMatch([], 3, 1)).toBeUndefined();
});

test("a clicked value searches for the same key, scope and type", () => {
  expect(sameValue("span", { key: "http.route", type: "string", value: '/a"b' })).toBe('{ span.http.route = "/a\\"b" }');
  expect(sameValue("resource", { key: "two words", type: "int", value: 5 })).toBe('{ resource."two words" = 5 }');
  expect(sameValue("span", { key: "n", type: "int", value: "9007199254740993" })).toBe("{ span.n = 9007199254740993 }");
  expect(sameValue("span", { key: "list", type: "array", value: [1] })).toBeUndefined();
});

test("stack traces of several languages show their frames and where they point", () => {
  const java = readStack("java.io.IOException: no\n\tat shop.Cart.add(Cart.java:14)\n\tat java.base/java.lang.Thread.run(Thread.java:1)\nCaused by: x\n\t... 3 more");
  expect(java.map((line) => line.kind)).toEqual(["head", "frame", "rest", "head", "rest"]);
  expect(java[1]?.place?.location).toBe("Cart.java:14");
  const python = readStack('Traceback (most recent call last):\n  File "app.py", line 12, in add\n    raise ValueError\nValueError: no');
  expect(python[1]?.place?.location).toBe('"app.py", line 12');
  const rust = readStack("boom\n   0: shop::cart::add\n             at src/cart.rs:10:5");
  expect(rust.map((line) => line.kind)).toEqual(["head", "frame", "frame"]);
  expect(rust[2]?.place?.location).toBe("src/cart.rs:10:5");
});
