import type { ReactNode } from "react";
import type { ApiError } from "../api/client";

/** What fills a page that has nothing else to show: says why, and what to do next. */
export function Notice({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice" role="status">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Failure({ error, onRetry }: { error: ApiError; onRetry?: () => void }) {
  return (
    <div className="failure" role="alert">
      <span>{error.message}</span>
      {onRetry && error.code !== "invalid" && (
        <button type="button" className="button small" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
