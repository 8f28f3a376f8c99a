import { expect, test } from "vitest";
import { eventually, ids, mine, run, searchFor, shot, visit } from "./browser.ts";

test("logs come newest first, filter, open, and lead to their trace", async () => {
  const page = await visit(`/logs?traceId=${ids.failed}`);
  const line = page.getByRole("listitem").filter({ hasText: "connection pool exhausted" });
  await line.getByRole("button").click();
  await line.getByText("pool.waiting").waitFor();
  await shot(page, "logs");
  await line.getByRole("link", { name: /Open the trace/ }).click();
  await page.waitForURL(new RegExp(`/trace/${ids.failed}`));
});

test("log filters are in the address and survive a reload", async () => {
  const page = await visit("/logs?severity=13&contains=attempt");
  await page.waitForSelector("[role=listitem]");
  const severities = await page.locator("[role=listitem] .severity").allTextContents();
  expect(new Set(severities)).toEqual(new Set(["WARN"]));
  const times = await page.locator("[role=listitem] .time").allTextContents();
  expect(times).toEqual(times.toSorted().reverse());
  await page.reload();
  expect(await page.locator("[data-shortcut=contains]").inputValue()).toBe("attempt");
});

test("a metric that was sent is listed with its kind, unit and service", async () => {
  const page = await visit("/metrics/list");
  const row = page.getByRole("row", { name: new RegExp(`e2e.${run}`) });
  await row.waitFor();
  expect(await row.textContent()).toMatch(/gauge.*\{order\}.*orders/);
  await shot(page, "metrics");
  await page.keyboard.press("/");
  await page.keyboard.type(run);
  await eventually(() => page.locator("tbody tr").count(), (count) => count === 1, "only that metric");
});

test("dark and light follow the system, and can be chosen", async () => {
  const page = await visit(searchFor(mine()), { colorScheme: "dark" });
  await page.waitForSelector("[role=row].result");
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await background();
  await shot(page, "dark");
  await page.getByRole("button", { name: /^Theme/ }).click();
  const light = await eventually(background, (colour) => colour !== dark, "light was chosen");
  expect(light).toBe("rgb(255, 255, 255)");
  await page.reload();
  expect(await background()).toBe(light);
});

test("the pages are reached by keyboard, and focus is seen", async () => {
  const page = await visit("/search");
  await page.waitForSelector("[role=row].result");
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await page.waitForURL(/\/logs/);
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await page.waitForURL(/\/metrics\/list/);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
  expect(outline).toBe("solid");
});

test("every control has a name", async () => {
  for (const path of [searchFor(mine()), `/trace/${ids.failed}?logs=1`, "/logs", "/metrics/list"]) {
    const page = await visit(path);
    await page.waitForSelector("[role=row], [role=treeitem], [role=listitem], table");
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("button, a[href], input, select, textarea")]
        .filter((element) => {
          const labels = (element as HTMLInputElement).labels;
          return !(element.getAttribute("aria-label") || element.textContent?.trim() || labels?.length || element.title);
        })
        .map((element) => element.outerHTML.slice(0, 120)),
    );
    expect(nameless, path).toEqual([]);
  }
});

test("a deep address of the application is served by its page", async () => {
  const page = await visit("/logs?range=24h");
  expect(await page.locator("nav [aria-current=page]").textContent()).toBe("Logs");
});
