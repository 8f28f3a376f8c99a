/** A page a test: fresh context, console watched, chromium from the system. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const base = inject("base");
export const { run, ids } = inject("seeded");

/** A query narrowed to what this run sent. */
export const mine = (terms = "") => `{ resource.e2e.run = "${run}"${terms ? ` && ${terms}` : ""} }`;
export const searchFor = (query: string, rest = "") => `/search?q=${encodeURIComponent(query)}${rest}`;

/** A debug build of the server takes its time over 50,000 spans. */
const waitMs = 60_000;

let browser: Browser;
let complaints: string[] = [];
const open: Page[] = [];

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
});

afterAll(() => browser.close());

/** A test that provokes an error answer says so; everything else on the console fails the test. */
afterEach(async () => {
  await Promise.all(open.splice(0).map((page) => page.context().close()));
  const said = complaints;
  complaints = [];
  expect(said).toEqual([]);
});

export async function visit(path: string, options: BrowserContextOptions & { expectStatus?: number } = {}): Promise<Page> {
  const { expectStatus, ...context } = options;
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, ...context })).newPage();
  page.setDefaultTimeout(waitMs);
  open.push(page);
  page.on("pageerror", (error) => complaints.push(`${path}: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    const expected = expectStatus !== undefined && text.includes(`status of ${expectStatus}`);
    if (["error", "warning"].includes(message.type()) && !expected) complaints.push(`${path}: ${text}`);
  });
  await page.goto(base + path);
  return page;
}

export async function shot(page: Page, name: string) {
  const folder = process.env.SHOTS;
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}

/** Waits for a condition on the page instead of for time. */
export async function eventually<T>(read: () => Promise<T>, accept: (value: T) => boolean, what: string): Promise<T> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const value = await read();
    if (accept(value)) return value;
    if (Date.now() > deadline) throw new Error(`${what}: last was ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
