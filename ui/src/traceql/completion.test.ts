import { expect, test } from "vitest";
import { completionAt, rank } from "./completion";
import { indexOfByte, tokenize } from "./lexer";

/** ▮ is the cursor. */
function at(marked: string) {
  return completionAt(marked.replace("▮", ""), marked.indexOf("▮"));
}

test("inside empty braces a field comes first", () => {
  expect(at("{ ▮ }")).toMatchObject({ kind: "field", prefix: "", narrow: "{}" });
  expect(at("{▮}")).toMatchObject({ kind: "field" });
});

test("outside the braces nothing is offered", () => {
  expect(at("▮{ }").kind).toBe("none");
  expect(at("{ span.a = 1 } ▮").kind).toBe("none");
});

test("a half-typed field is replaced whole", () => {
  expect(at("{ span.ht▮ }")).toMatchObject({ kind: "field", prefix: "span.ht", from: 2, to: 9 });
  expect(at("{ span.ht▮tp }")).toMatchObject({ kind: "field", prefix: "span.ht", from: 2, to: 11 });
});

test("after a field comes an operator, after that a value", () => {
  expect(at("{ span.a ▮ }")).toMatchObject({ kind: "operator", field: "span.a" });
  expect(at("{ span.a =▮ }")).toMatchObject({ kind: "value", field: "span.a", prefix: "" });
  expect(at("{ span.a = ▮ }")).toMatchObject({ kind: "value", field: "span.a" });
  expect(at('{ span.a = "GE▮ }')).toMatchObject({ kind: "value", prefix: '"GE' });
});

test("after a comparison terms are joined", () => {
  expect(at("{ span.a = 1 ▮ }")).toMatchObject({ kind: "join" });
  expect(at("{ span.a = 1 &&▮ }")).toMatchObject({ kind: "field" });
});

test("suggestions are narrowed by the other terms, never by the one under the cursor", () => {
  expect(at('{ resource.service.name = "orders" && span.a = ▮ }')).toMatchObject({ narrow: '{ resource.service.name = "orders" }' });
  expect(at('{ span.a = ▮ && status = error }')).toMatchObject({ narrow: "{ status = error }" });
  expect(at('{ resource.service.name = "orders" && ▮ }')).toMatchObject({ kind: "field", narrow: '{ resource.service.name = "orders" }' });
});

test("alternatives do not narrow: a term beside || need not hold", () => {
  expect(at("{ span.a = 1 || span.b = ▮ }")).toMatchObject({ narrow: "{}" });
});

test("what starts with the typed text ranks before what contains it", () => {
  expect(rank(["span.http.route", "resource.host", "ht", "xht"], "ht")).toEqual(["ht", "span.http.route", "xht"]);
  expect(rank(['"GET"', '"POST"'], '"ge')).toEqual(['"GET"']);
});

test("every character of a query belongs to a token or is space", () => {
  const text = '{ span."a b" =~ `x.*` && (duration>1m30s || .y != -2.5) } | rate() ~ §';
  const covered = tokenize(text).map((token) => text.slice(token.start, token.end));
  expect(covered.join("")).toBe(text.replace(/(?<!a)\s/g, ""));
});

test("error positions in bytes land on the right character", () => {
  expect(indexOfByte("{ ö = 1 }", 6)).toBe(5);
  expect(indexOfByte("😀x", 4)).toBe(2);
  expect(indexOfByte("abc", 99)).toBe(3);
});
