import { expect, test } from "vitest";
import { eventually, mine, searchFor, shot, visit } from "./browser.ts";

const resultRows = "[role=row].result";

test("the home page is the search, with traces in it", async () => {
  const page = await visit("/");
  await page.waitForSelector(resultRows);
  expect(await page.title()).toContain("throughline");
  expect(await page.locator(".footer").textContent()).toMatch(/otlp\/http *127\.0\.0\.1:\d+/);
  await shot(page, "home");
});

test("the form writes the query, the query fills the form, and the address holds both", async () => {
  const page = await visit("/search");
  await page.getByLabel("Service", { exact: true }).fill("catalogue");
  await page.getByRole("button", { name: "Error", exact: true }).click();
  const text = page.getByLabel("TraceQL query");
  expect(await text.inputValue()).toBe('{ resource.service.name = "catalogue" && status = error }');
  await page.waitForURL(/q=/);
  await page.waitForSelector(resultRows);

  await text.fill('{ name = "POST /orders" && duration >= 5ms }');
  await text.press("Enter");
  expect(await page.getByLabel("Operation").inputValue()).toBe("POST /orders");
  expect(await page.getByLabel("Min duration").inputValue()).toBe("5ms");
  await page.goBack();
  await eventually(() => text.inputValue(), (value) => value.includes("catalogue"), "back brings the earlier query");
});

test("a deep link shows the same search after a reload", async () => {
  const page = await visit(searchFor(mine("status = error"), "&sort=errors&limit=50&range=3h"));
  await page.waitForSelector(resultRows);
  const before = await page.locator(resultRows).allTextContents();
  await page.reload();
  await page.waitForSelector(resultRows);
  expect(await page.getByLabel("Sort").inputValue()).toBe("errors");
  expect((await page.locator(resultRows).allTextContents()).length).toBe(before.length);
  expect(await page.locator(".range-picker .button").textContent()).toContain("3h");
  const errors = await page.locator(`${resultRows} .errors`).allTextContents();
  expect(errors.map(Number)).toEqual(errors.map(Number).toSorted((a, b) => b - a));
});

test("names and values complete from the store, narrowed by the rest of the query", async () => {
  const page = await visit(searchFor('{ resource.service.name = "payments" }'));
  const text = page.getByLabel("TraceQL query");
  await text.fill("");
  await text.pressSequentially('{ resource.service.name = "payments" && payment.prov');
  await eventually(() => page.getByRole("option").allTextContents(), ([first]) => first === "span.payment.provider", "names of attributes");
  await text.press("Tab");
  await text.pressSequentially("= ");
  await eventually(() => page.getByRole("option").allTextContents(), (options) => options.includes('"acme-pay"'), "values of the attribute");
  await shot(page, "completion");
  await text.press("ArrowDown");
  await text.press("Enter");
  await text.pressSequentially("}");
  await text.press("Escape");
  await text.press("Enter");
  await page.waitForSelector(resultRows);
  expect(await text.inputValue()).toContain('span.payment.provider = "acme-pay"');
});

test("keys typed right after a completion land behind it, however late the next frame is", async () => {
  const page = await visit(searchFor("{ }"));
  await page.evaluate(() => {
    const soon = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (callback) => window.setTimeout(() => soon(callback), 1000);
  });
  const text = page.getByLabel("TraceQL query");
  await text.fill("");
  await text.pressSequentially("{ payment.prov");
  await eventually(() => page.getByRole("option").allTextContents(), ([first]) => first === "span.payment.provider", "names of attributes");
  await text.press("Tab");
  await text.pressSequentially("= ");
  await eventually(() => page.getByRole("option").allTextContents(), (options) => options.includes('"acme-pay"'), "values of the attribute");
  await page.evaluate(() => new Promise(requestAnimationFrame));
  await text.pressSequentially("x");
  expect(await text.inputValue()).toBe("{ span.payment.provider = x");
});

test("a mistake is underlined where the server found it", async () => {
  const page = await visit(searchFor("{ span.a = && status = error }"), { expectStatus: 400 });
  const alert = page.getByRole("alert");
  await alert.waitFor();
  expect((await alert.textContent())?.length).toBeGreaterThan(10);
  expect(await page.locator(".tk-wrong").count()).toBe(1);
  await shot(page, "mistake");
});

test("a click on a dot of the scatter opens that trace", async () => {
  const page = await visit(searchFor(mine('name = "acquire connection"')));
  await page.waitForSelector(resultRows);
  const area = page.locator(".scatter .u-over");
  const box = await area.boundingBox();
  if (!box) throw new Error("no chart");
  const tip = page.locator(".chart-tip");
  search: for (let x = 0; x < box.width; x += 12) {
    for (let y = 4; y < box.height; y += 16) {
      await page.mouse.move(box.x + x, box.y + y);
      if (await tip.isVisible()) {
        await page.mouse.click(box.x + x, box.y + y);
        break search;
      }
    }
  }
  await page.waitForURL(/\/trace\/[0-9a-f]{32}/);
});

test("rows are walked and opened by keyboard", async () => {
  const page = await visit(searchFor(mine()));
  await page.waitForSelector(resultRows);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  expect(await page.locator(`${resultRows}.selected`).getAttribute("aria-rowindex")).toBe("2");
  await page.keyboard.press("/");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("TraceQL query");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/trace\//);
});

test("a long query shows that it runs and can be cancelled", async () => {
  const page = await visit(searchFor(mine()));
  await page.waitForSelector(resultRows);
  await page.route("**/api/v1/search?**", () => undefined);
  await page.keyboard.press("r");
  await page.getByText(/Searching… \d/).waitFor();
  await shot(page, "running");
  await page.keyboard.press("Escape");
  await page.getByText("Cancelled").waitFor();
  expect(await page.locator(resultRows).count()).toBeGreaterThan(0);
});

test("live brings new traces in without a reload", async () => {
  const page = await visit(searchFor(mine()));
  await page.waitForSelector(resultRows);
  let asked = 0;
  page.on("request", (request) => (asked += request.url().includes("/api/v1/search?") ? 1 : 0));
  await page.keyboard.press("l");
  await page.waitForURL(/live=1/);
  await eventually(async () => asked, (count) => count >= 1, "the search is asked again");
});

test("an empty store says how to send to it", async () => {
  const page = await visit("/search");
  await page.waitForSelector(resultRows);
  const nothing = { spans: 0, logs: 0, points: 0 };
  await page.route("**/api/v1/search?**", (route) => route.fulfill({ json: { traces: [], complete: true, stats: { inspectedSpans: 0, inspectedBytes: 0, elapsedMs: 1 } } }));
  await page.route("**/api/v1/status", (route) => route.fulfill({ json: { version: "0", uptimeSeconds: 1, dataDir: ".", receivers: [], store: { ...nothing, bytes: 0, segments: 0, oldestNs: null }, accepted: nothing } }));
  await page.keyboard.press("r");
  await page.getByText("OTEL_EXPORTER_OTLP_ENDPOINT").waitFor();
  await shot(page, "first-steps");
});

test("a range without traces offers a wider one", async () => {
  const page = await visit(searchFor(mine('name = "no such span"')));
  await page.getByText("No traces match").waitFor();
  await page.getByRole("button", { name: /Look at the last/ }).click();
  await page.waitForURL(/range=/);
});
