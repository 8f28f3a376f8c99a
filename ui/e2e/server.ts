/** Before the tests: a server to look at (BASE_URL, or the built pages over the mock) with known traces in it. */
import type { AddressInfo } from "node:net";
import { build, preview } from "vite";
import type { TestProject } from "vitest/node";
import { type Seeded, seed } from "./seed.ts";

declare module "vitest" {
  interface ProvidedContext {
    base: string;
    seeded: Seeded;
  }
}

export default async function setup(project: TestProject) {
  const given = process.env.E2E_BASE_URL;
  if (given) {
    project.provide("base", given.replace(/\/$/, ""));
    project.provide("seeded", await seed(process.env.OTLP_URL ?? "http://127.0.0.1:4318", given));
    return;
  }
  // Vitest runs as NODE_ENV=test, which would build the development version of React.
  process.env.NODE_ENV = "production";
  await build({ logLevel: "warn" });
  const server = await preview({ preview: { port: 0, host: "127.0.0.1" }, logLevel: "warn" });
  const { port } = server.httpServer.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}`;
  project.provide("base", base);
  project.provide("seeded", await seed(base, base));
  return () => server.close();
}
