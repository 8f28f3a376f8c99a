import { useEffect, useState } from "react";
import { Icon } from "./Icon";

export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  // Plain http on another host: no clipboard API, the old way still works.
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function Copy({ text, label, children }: { text: string; label: string; children?: React.ReactNode }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1200);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <button
      type="button"
      className={children ? "copy with-text" : "icon-button copy"}
      title={done ? "Copied" : label}
      aria-label={done ? "Copied" : label}
      onClick={() => void copyText(text).then(() => setDone(true))}
    >
      {children}
      <Icon name={done ? "check" : "copy"} size={12} />
    </button>
  );
}
