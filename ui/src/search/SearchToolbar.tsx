import type { ReactNode } from "react";
import { Icon } from "../parts/Icon";
import type { Range } from "../time/range";
import { TimeRangePicker } from "./TimeRangePicker";

type Props = {
  range: Range;
  live: boolean;
  running: boolean;
  onRange: (range: Range) => void;
  onLive: () => void;
  onRun: () => void;
  onCancel: () => void;
  children: ReactNode;
};

export function SearchToolbar({ range, live, running, onRange, onLive, onRun, onCancel, children }: Props) {
  const canLive = range.kind === "relative";
  return (
    <div className="search-toolbar">
      {children}
      <TimeRangePicker range={range} onChange={onRange} />
      {running ? (
        <button type="button" className="button primary run" onClick={onCancel}>
          <span className="spinner" aria-hidden="true" /> Cancel
        </button>
      ) : (
        <button type="button" className="button primary run" onClick={onRun}>
          <Icon name="search" /> Run
        </button>
      )}
      <button
        type="button"
        className="button live"
        aria-pressed={live && canLive}
        disabled={!canLive}
        title={canLive ? "Search again every 5 seconds (l)" : "Live needs a relative time range"}
        onClick={onLive}
      >
        <span className="live-dot" /> Live
      </button>
    </div>
  );
}
