import { expect, test } from "vitest";
import { eventually, ids, shot, visit } from "./browser.ts";

const rows = "[role=treeitem]";

test("a failed trace shows its exception as a person reads it, and its logs in place", async () => {
  const page = await visit(`/trace/${ids.failed}`);
  await page.waitForSelector(rows);
  await page.keyboard.press("l");
  await page.locator(".wf-log").getByText("connection pool exhausted").waitFor();
  await page.keyboard.press("e");
  await page.keyboard.press("e");
  await page.keyboard.press("e");
  const panel = page.getByRole("complementary", { name: "Span details" });
  await panel.getByText("java.lang.IllegalStateException", { exact: true }).waitFor();
  expect(await panel.locator(".stack-head").allTextContents()).toHaveLength(2);
  expect(await panel.locator(".stack b").first().textContent()).toBe("Pool.java:118");
  expect(await page.locator(".wf-row.selected .wf-event").count()).toBe(3);
  await shot(page, "exception");
});

test("a click on an attribute searches for the same value", async () => {
  const page = await visit(`/trace/${ids.checkout}`);
  await page.getByRole("treeitem", { name: /charge card/ }).click();
  await page.getByRole("link", { name: "acme-pay" }).click();
  await page.waitForURL(/\/search\?q=/);
  expect(await page.getByLabel("TraceQL query").inputValue()).toBe('{ span.payment.provider = "acme-pay" }');
  await page.waitForSelector("[role=row].result");
});

test("links are followed both ways", async () => {
  const page = await visit(`/trace/${ids.batch}`);
  await page.waitForSelector(rows);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.locator(".span-link").first().click();
  await page.waitForURL(new RegExp(ids.producer));
  const back = page.locator(".span-link", { hasText: "From" });
  await back.first().click();
  await page.waitForURL(new RegExp(ids.batch));
});

test("orphans are shown and said to be orphans", async () => {
  const page = await visit(`/trace/${ids.orphans}`);
  await page.waitForSelector(rows);
  expect(await page.locator(rows).count()).toBe(6);
  expect(await page.locator(".tag", { hasText: "orphan" }).count()).toBe(2);
  expect(await page.getByRole("note").textContent()).toContain("2 spans are orphans");
  await shot(page, "orphans");
});

test("clock skew is marked, and the times stay as recorded", async () => {
  const page = await visit(`/trace/${ids.skewed}`);
  await page.waitForSelector(rows);
  expect(await page.locator(".tag", { hasText: "clock skew" }).count()).toBeGreaterThanOrEqual(1);
  expect(await page.getByRole("note").textContent()).toContain("clocks");
  await shot(page, "skew");
});

test("the critical path can be turned on, and is in the address", async () => {
  const page = await visit(`/trace/${ids.checkout}`);
  await page.waitForSelector(rows);
  await page.keyboard.press("c");
  await page.waitForSelector(".wf-critical");
  await page.waitForURL(/critical=1/);
  expect(await page.getByRole("button", { name: "Critical path" }).getAttribute("aria-pressed")).toBe("true");
  await shot(page, "critical-path");
});

test("the tree is walked, closed and opened by keyboard", async () => {
  const page = await visit(`/trace/${ids.checkout}`);
  await page.waitForSelector(rows);
  const all = await page.locator(rows).count();
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowLeft");
  expect(await page.locator(rows).count()).toBe(1);
  expect(await page.locator(rows).first().getAttribute("aria-expanded")).toBe("false");
  await page.keyboard.press("ArrowRight");
  expect(await page.locator(rows).count()).toBe(all);
  await page.keyboard.press("ArrowRight");
  expect(await page.locator(`${rows}[aria-selected=true]`).getAttribute("aria-level")).toBe("2");
  await page.keyboard.press("Enter");
  await page.getByRole("complementary", { name: "Span details" }).waitFor();
  await page.keyboard.press("Escape");
  await eventually(() => page.getByRole("complementary").count(), (count) => count === 0, "the panel closes");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
});

test("dragging over the times zooms, and the address keeps it", async () => {
  const page = await visit(`/trace/${ids.checkout}`);
  await page.waitForSelector(rows);
  const axis = await page.locator(".axis").boundingBox();
  if (!axis) throw new Error("no axis");
  await page.mouse.move(axis.x + axis.width * 0.25, axis.y + 8);
  await page.mouse.down();
  await page.mouse.move(axis.x + axis.width * 0.5, axis.y + 8, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/view=\d+-\d+/);
  await page.waitForSelector(".minimap-window");
  await shot(page, "zoomed");
  await page.keyboard.press("0");
  await eventually(async () => page.url(), (url) => !url.includes("view="), "the zoom is gone");
});

test("the trace downloads as OTLP JSON", async () => {
  const page = await visit(`/trace/${ids.checkout}`);
  const waiting = page.waitForEvent("download");
  await page.getByRole("link", { name: "OTLP" }).click();
  const stream = await (await waiting).createReadStream();
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  expect(JSON.parse(text)).toHaveProperty("resourceSpans");
});

test("a trace that is not there says so", async () => {
  const page = await visit("/trace/deadbeefdeadbeefdeadbeefdeadbeef", { expectStatus: 404 });
  await page.getByText("This trace is not here").waitFor();
});

test("operations sum the trace up and lead to their longest span", async () => {
  const page = await visit(`/trace/${ids.large}`);
  await page.waitForSelector(rows);
  await page.keyboard.press("PageDown");
  await page.locator(".wf-scroll").evaluate((element) => (element.scrollTop = 50_000));
  await page.keyboard.press("o");
  await page.getByRole("columnheader", { name: "Own time" }).waitFor();
  await page.keyboard.press("o");
  await eventually(() => page.locator(".wf-row").first().isVisible(), Boolean, "rows after coming back");
  await page.keyboard.press("o");
  await page.locator(".operation-name").first().click();
  await page.getByRole("complementary", { name: "Span details" }).waitFor();
  expect(await page.locator(".wf-row.selected").isVisible()).toBe(true);
});
