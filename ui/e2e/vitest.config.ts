import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Vitest sets BASE_URL itself later on; what the caller gave is kept under a name of its own.
if (process.env.BASE_URL?.startsWith("http")) process.env.E2E_BASE_URL = process.env.BASE_URL;

/** One browser, one page at a time: frame times are measured here. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    include: ["e2e/**/*.e2e.ts"],
    globalSetup: ["e2e/server.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
