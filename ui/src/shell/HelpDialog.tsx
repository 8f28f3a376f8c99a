import { useRef } from "react";
import { useShortcutHelp } from "../parts/keys";

let dialog: HTMLDialogElement | null = null;

export function openHelp() {
  if (!dialog?.open) dialog?.showModal();
}

const shown: Record<string, string> = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

export function HelpDialog() {
  const layers = useShortcutHelp();
  const element = useRef<HTMLDialogElement>(null);
  return (
    <dialog
      ref={(node) => {
        element.current = node;
        dialog = node;
      }}
      className="help"
      aria-label="Keyboard shortcuts"
      onClick={(event) => event.target === element.current && element.current.close()}
    >
      <div className="help-head">
        <h2>Keyboard</h2>
        <button type="button" className="button small" onClick={() => element.current?.close()}>
          Close
        </button>
      </div>
      <div className="help-columns">
        {layers.map((layer) => (
          <section key={layer.title}>
            <h3>{layer.title}</h3>
            <dl>
              {layer.shortcuts.map((shortcut) => (
                <div key={shortcut.label}>
                  <dt>
                    {shortcut.keys.map((key) => (
                      <kbd key={key}>{key.replace(/\w+/g, (word) => shown[word] ?? word)}</kbd>
                    ))}
                  </dt>
                  <dd>{shortcut.label}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </dialog>
  );
}
