import { expect, test } from "vitest";
import { formatAgo, formatDuration, msOf, offsetNs, parseDuration } from "./format";
import { formatBytes, formatShort } from "./number";

test.each([
  [0, "0 ns"],
  [999, "999 ns"],
  [1_000, "1 µs"],
  [1_500, "1.5 µs"],
  [12_340, "12.3 µs"],
  [999_950, "1 ms"],
  [1_234_567, "1.23 ms"],
  [120_000_000, "120 ms"],
  [1_240_000_000, "1.24 s"],
  [59_400_000_000, "59.4 s"],
  [59_999_000_000, "1m"],
  [125_000_000_000, "2m 5s"],
  [3_599_800_000_000, "1h"],
  [90_000_000_000_000, "1d 1h"],
  [-1_500_000, "−1.5 ms"],
])("a duration of %d ns reads %s", (ns, text) => {
  expect(formatDuration(ns)).toBe(text);
});

test("nanosecond strings keep microseconds as milliseconds and are exact after subtraction", () => {
  expect(msOf("1700000000123456789")).toBeCloseTo(1_700_000_000_123.4568, 3);
  expect(msOf("5")).toBe(0.000005);
  expect(offsetNs("1700000000123456789", 1_700_000_000_123_456_700n)).toBe(89);
});

test("durations are read as TraceQL writes them, and nothing else is", () => {
  expect(parseDuration("1.5s")).toBe(1.5e9);
  expect(parseDuration("1m30s")).toBe(90e9);
  expect(parseDuration("3us")).toBe(3000);
  expect(parseDuration("10 ms")).toBe(10e6);
  expect(parseDuration("10")).toBeUndefined();
  expect(parseDuration("s")).toBeUndefined();
  expect(parseDuration("5 parsecs")).toBeUndefined();
});

test("counts and bytes shorten without losing their size", () => {
  expect(formatShort(999)).toBe("999");
  expect(formatShort(1_249)).toBe("1.2k");
  expect(formatShort(50_000)).toBe("50k");
  expect(formatShort(999_999)).toBe("1M");
  expect(formatBytes(1023)).toBe("1023 B");
  expect(formatBytes(3_460_300)).toBe("3.3 MiB");
});

test("a clock ahead of ours is not in the future", () => {
  expect(formatAgo(2_000, 1_000)).toBe("0s ago");
  expect(formatAgo(0, 7_200_000)).toBe("2h ago");
});
