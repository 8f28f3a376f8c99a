import { formatDuration } from "../time/format";
import { fullView, isFull, type View } from "./view";

type Props = {
  view: View;
  total: number;
  hasErrors: boolean;
  hasMatches: boolean;
  onView: (view: View) => void;
  onExpand: () => void;
  onCollapse: () => void;
  onErrorsOnly: () => void;
  onMatchesOnly: () => void;
};

export function WaterfallControls({ view, total, hasErrors, hasMatches, onView, onExpand, onCollapse, onErrorsOnly, onMatchesOnly }: Props) {
  return (
    <>
      <div className="wf-buttons" role="group" aria-label="Rows">
        <button type="button" className="button small" onClick={onExpand}>
          Expand all
        </button>
        <button type="button" className="button small" onClick={onCollapse}>
          Collapse
        </button>
        {hasErrors && (
          <button type="button" className="button small" title="Collapse every subtree without an error" onClick={onErrorsOnly}>
            Errors only
          </button>
        )}
        {hasMatches && (
          <button type="button" className="button small" title="Collapse every subtree without a match" onClick={onMatchesOnly}>
            Matches only
          </button>
        )}
      </div>
      <div className="wf-zoom">
        {isFull(view, total) ? (
          <span className="muted">Drag over the times to zoom</span>
        ) : (
          <>
            <span className="num">
              {formatDuration(view.from)} – {formatDuration(view.to)}
            </span>
            <button type="button" className="button small" onClick={() => onView(fullView(total))}>
              Reset <kbd>0</kbd>
            </button>
          </>
        )}
      </div>
    </>
  );
}
