import { type ReactNode, useState } from "react";
import { formatCount } from "../time/number";

const shownAtFirst = 50;

/** The first of a long list, the rest on demand. */
export function Capped<T>({ items, what, children }: { items: T[]; what: string; children: (item: T, index: number) => ReactNode }) {
  const [all, setAll] = useState(false);
  const shown = all ? items : items.slice(0, shownAtFirst);
  return (
    <>
      {shown.map(children)}
      {shown.length < items.length && (
        <button type="button" className="link-button" onClick={() => setAll(true)}>
          All {formatCount(items.length)} {what}
        </button>
      )}
    </>
  );
}
