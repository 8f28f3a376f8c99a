import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/**
 * Without THROUGHLINE_URL the development server answers the API itself from generated data;
 * with it, API calls go to that running server. The mock never reaches the built files.
 */
const server = process.env.THROUGHLINE_URL;

const mock: Plugin = {
  name: "throughline-mock",
  async configureServer(vite) {
    const { mockMiddleware } = await import("./dev/mock/middleware.ts");
    vite.middlewares.use(mockMiddleware());
  },
  async configurePreviewServer(vite) {
    const { mockMiddleware } = await import("./dev/mock/middleware.ts");
    vite.middlewares.use(mockMiddleware());
  },
};

const proxy = server ? { "/api": server, "/tempo": server } : {};

export default defineConfig({
  plugins: server ? [react()] : [react(), mock],
  build: { target: ["chrome123", "firefox121", "safari17.5"], sourcemap: false, reportCompressedSize: true },
  server: { proxy, host: "127.0.0.1" },
  preview: { proxy, host: "127.0.0.1" },
  test: { include: ["src/**/*.test.ts", "dev/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
