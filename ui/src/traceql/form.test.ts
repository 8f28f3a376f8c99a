import { expect, test } from "vitest";
import { emptyForm, formOf, queryOf } from "./form";

test.each([
  "{ }",
  '{ resource.service.name = "orders" }',
  '{ resource.service.name = "orders" && name = "GET /x" && status = error && duration >= 100ms && duration <= 2s }',
  '{ span.http.response.status_code >= 500 && span.user = "a \\"b\\" c" }',
  '{ span.version = "2" && span.retries = 2 && span.cold = true && span.gone = nil }',
  '{ span.path =~ "/api/.*" && kind = server }',
  '{ span."my key" = "x" && duration > 5ms }',
  '{ statusMessage = "error" }',
])("form and text hold the same: %s", (query) => {
  const form = formOf(query);
  expect(form).toBeDefined();
  expect(queryOf(form ?? emptyForm)).toBe(query);
});

test("known terms take their own fields, the rest become attribute rows", () => {
  expect(formOf('{ name = "op" && status != ok && span.a = 1 }')).toEqual({
    ...emptyForm,
    operation: "op",
    attributes: [
      { field: "status", operator: "!=", value: "ok" },
      { field: "span.a", operator: "=", value: "1" },
    ],
  });
});

test.each(["{ span.a = 1 || span.b = 2 }", "{ span.a }", "{ span.a = 1 } | count() > 2", "{ a = 1 } >> { b = 2 }", "{ span.a = }", "nonsense"])(
  "more than the form can show: %s",
  (query) => {
    expect(formOf(query)).toBeUndefined();
  },
);

test("half-filled attribute rows do not reach the query", () => {
  expect(queryOf({ ...emptyForm, attributes: [{ field: "span.a", operator: "=", value: "" }] })).toBe("{ }");
});

test("a typed value keeps the type it looks like, and quotes make it text", () => {
  const value = (text: string) => queryOf({ ...emptyForm, attributes: [{ field: "span.a", operator: "=", value: text }] });
  expect(value("500")).toBe("{ span.a = 500 }");
  expect(value('"500"')).toBe('{ span.a = "500" }');
  expect(value("-1.5")).toBe("{ span.a = -1.5 }");
  expect(value("250ms")).toBe("{ span.a = 250ms }");
  expect(value("GET")).toBe('{ span.a = "GET" }');
  expect(value("true")).toBe("{ span.a = true }");
});
