import { useEffect } from "react";
import { LogsPage } from "../logs/LogsPage";
import { MetricsPage } from "../metrics/MetricsPage";
import { metricsPath } from "../metrics/path";
import { navigate, useLocation } from "../router";
import { SearchPage } from "../search/SearchPage";
import { TracePage } from "../trace/TracePage";
import { useKeys } from "../parts/keys";
import { Footer } from "./Footer";
import { Header } from "./Header";
import { openHelp, HelpDialog } from "./HelpDialog";
import { useServerStatus } from "./server_status";

export function App() {
  const { path } = useLocation();
  const status = useServerStatus();
  useKeys("Everywhere", [
    { keys: ["?"], label: "This list", run: openHelp },
    { keys: ["g s"], label: "Search", run: () => navigate("/search") },
    { keys: ["g l"], label: "Logs", run: () => navigate("/logs") },
    { keys: ["g m"], label: "Metrics", run: () => navigate(metricsPath) },
  ]);
  return (
    <div className="app">
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <Header path={path} status={status} />
      <main id="main" tabIndex={-1}>
        <Page path={path} />
      </main>
      <Footer status={status} />
      <HelpDialog />
    </div>
  );
}

function Page({ path }: { path: string }) {
  const traceId = /^\/trace\/([0-9a-fA-F]+)\/?$/.exec(path)?.[1];
  const title = traceId ? `Trace ${traceId.slice(0, 8)}` : path.startsWith("/logs") ? "Logs" : path.startsWith(metricsPath) ? "Metrics" : "Search";
  useEffect(() => {
    document.title = `${title} · throughline`;
  }, [title]);
  if (traceId) return <TracePage key={traceId} traceId={traceId.toLowerCase()} />;
  if (path.startsWith("/logs")) return <LogsPage />;
  if (path.startsWith(metricsPath)) return <MetricsPage />;
  return <SearchPage />;
}
