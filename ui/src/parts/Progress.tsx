import { useEffect, useState } from "react";

/** A running request: a line at once, elapsed time and a way out once it is slow. */
type Props = { since: number | undefined; doing?: string; onCancel?: () => void };

export function Progress({ since, doing = "Searching", onCancel }: Props) {
  const [elapsed, setElapsed] = useState(0);
  useEffect(() => {
    if (since === undefined) return;
    setElapsed(0);
    const timer = setInterval(() => setElapsed(performance.now() - since), 100);
    return () => clearInterval(timer);
  }, [since]);
  if (since === undefined) return null;
  return (
    <div className="progress" role="status" aria-live="polite">
      <div className="progress-line" />
      {elapsed > 400 && (
        <div className="progress-note">
          <span className="spinner" aria-hidden="true" /> {doing}… {(elapsed / 1000).toFixed(1)} s
          {onCancel && (
            <button type="button" className="button small" onClick={onCancel}>
              Cancel <kbd>Esc</kbd>
            </button>
          )}
        </div>
      )}
    </div>
  );
}
