import { type FormEvent, useState } from "react";
import { Icon } from "../parts/Icon";
import { Link, navigate, useLocation } from "../router";
import { setTheme, type ThemeChoice, useTheme } from "../theme";
import { metricsPath } from "../metrics/path";
import { openHelp } from "./HelpDialog";
import type { StatusView } from "./server_status";

const pages = [
  { href: "/search", label: "Search" },
  { href: "/logs", label: "Logs" },
  { href: metricsPath, label: "Metrics" },
];

const nextTheme: Record<ThemeChoice, ThemeChoice> = { system: "light", light: "dark", dark: "system" };
const themeIcon = { system: "auto", light: "sun", dark: "moon" } as const;

/** Where each page was left, so that going back to it by its name does not lose the question. */
const left = new Map<string, string>();

export function Header({ path, status }: { path: string; status: StatusView }) {
  const { choice } = useTheme();
  const { href } = useLocation();
  const at = pages.find((page) => path.startsWith(page.href));
  if (at) left.set(at.href, href);
  const current = path === "/" || path.startsWith("/trace/") ? "/search" : path;
  return (
    <header className="header">
      <Link href="/search" className="brand" aria-label="throughline: search">
        <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
          <path d="M4 8h14M10 16h18M14 24h9" strokeWidth="4" strokeLinecap="round" stroke="var(--brand)" />
          <path d="M18 8v8M10 16v8h4" strokeWidth="2" fill="none" stroke="var(--brand-2)" />
        </svg>
        <span>throughline</span>
      </Link>
      <nav aria-label="Pages">
        {pages.map((page) => (
          <Link key={page.href} href={path.startsWith(page.href) ? page.href : (left.get(page.href) ?? page.href)} className="nav-link" aria-current={current.startsWith(page.href) ? "page" : undefined}>
            {page.label}
          </Link>
        ))}
      </nav>
      <TraceJump />
      <div className="header-end">
        {!status.reachable && (
          <span className="badge error" role="alert">
            Server not reachable
          </span>
        )}
        <button type="button" className="icon-button" aria-label={`Theme: ${choice}. Change`} title={`Theme: ${choice}`} onClick={() => setTheme(nextTheme[choice])}>
          <Icon name={themeIcon[choice]} size={16} />
        </button>
        <button type="button" className="icon-button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={openHelp}>
          ?
        </button>
      </div>
    </header>
  );
}

function TraceJump() {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const open = (event: FormEvent) => {
    event.preventDefault();
    const found = /[0-9a-f]{32}|^[0-9a-f]{1,32}$/i.exec(text.trim().replaceAll("-", ""))?.[0];
    setWrong(!found);
    if (!found) return;
    setText("");
    navigate(`/trace/${found.toLowerCase().padStart(32, "0")}`);
  };
  return (
    <form className="trace-jump" role="search" onSubmit={open}>
      <input
        className="input mono"
        aria-label="Open a trace by its id"
        aria-invalid={wrong || undefined}
        placeholder="Open trace id…"
        title={wrong ? "A trace id is up to 32 hexadecimal digits" : "Paste a trace id, or a traceparent header"}
        value={text}
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          setWrong(false);
        }}
      />
    </form>
  );
}
