import { useEffect, useRef } from "react";

type Props = {
  id: string;
  label: string;
  items: string[];
  notes?: (string | undefined)[];
  active: number;
  onPick: (item: string) => void;
  left?: number;
};

/** The list under a field. The field keeps the focus; the list only shows and takes clicks. */
export function Suggestions({ id, label, items, notes, active, onPick, left }: Props) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <div id={id} ref={list} role="listbox" aria-label={`${label}: suggestions`} className="suggestions" style={left === undefined ? undefined : { left }}>
      {items.map((item, index) => (
        <div
          key={item}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === active}
          tabIndex={-1}
          className="suggestion"
          onMouseDown={(event) => {
            event.preventDefault();
            onPick(item);
          }}
        >
          <span>{item}</span>
          {notes?.[index] && <span className="note">{notes[index]}</span>}
        </div>
      ))}
    </div>
  );
}
