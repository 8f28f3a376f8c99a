import { expect, test } from "vitest";
import { defaultRange, parseInstant, rangeAround, rangeParameters, readRange, relativeMs, resolveRange } from "./range";

const now = Date.parse("2026-03-01T12:00:00");
const read = (text: string) => readRange(new URLSearchParams(text));

test("a range survives the address", () => {
  for (const range of [defaultRange, { kind: "relative", text: "45m" } as const, { kind: "absolute", start: 1000, end: 2000 } as const]) {
    const parameters = Object.entries(rangeParameters(range)).filter((pair): pair is [string, string] => pair[1] !== undefined);
    expect(read(new URLSearchParams(parameters).toString())).toEqual(range);
  }
});

test("an address that makes no sense falls back to the last hour", () => {
  expect(read("from=2000&to=1000")).toEqual(defaultRange);
  expect(read("range=yesterday")).toEqual(defaultRange);
  expect(read("range=0m")).toEqual(defaultRange);
});

test("relative ranges end a little after now, for clocks that run ahead", () => {
  const window = resolveRange({ kind: "relative", text: "15m" }, now);
  expect(now - window.start).toBe(900_000);
  expect(window.end).toBeGreaterThan(now);
  expect(relativeMs("2d")).toBe(172_800_000);
});

test("instants are read in the forms people type", () => {
  expect(parseInstant("now", now)).toBe(now);
  expect(parseInstant("09:30", now)).toBe(Date.parse("2026-03-01T09:30:00"));
  expect(parseInstant("2026-02-28 23:15:10", now)).toBe(Date.parse("2026-02-28T23:15:10"));
  expect(parseInstant("2026-02-28", now)).toBe(Date.parse("2026-02-28T00:00:00"));
  expect(parseInstant("1700000000", now)).toBe(1_700_000_000_000);
  expect(parseInstant("last week", now)).toBeUndefined();
});

test("the search around an old trace is centred on it", () => {
  expect(rangeAround(now - 60_000, now, now)).toEqual(defaultRange);
  expect(rangeAround(1_000_000_000, 1_000_001_000, now)).toEqual({ kind: "absolute", start: 998_200_000, end: 1_001_801_000 });
});
