const paths = {
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3 14 14",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  check: "M3 8.5l3.2 3.2L13 5",
  error: "M8 2 14.5 13.5h-13zM8 6.5v3M8 11.4v.4",
  clock: "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 0 0 8 2.2M8 5v3.2l2.2 1.4",
  download: "M8 2.5v7.5M4.8 7.2 8 10.3l3.2-3.1M3 13.3h10",
  link: "M6.5 9.5l3-3M7 5l1.6-1.6a2.4 2.4 0 0 1 3.9 3.2L11 8M9 11l-1.6 1.6a2.4 2.4 0 0 1-3.9-3.2L5 8",
  chevron: "M6 4l4 4-4 4",
  up: "M4 10l4-4 4 4",
  down: "M4 6l4 4 4-4",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6",
  auto: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  play: "M5 3.5v9l7.5-4.5z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  refresh: "M13 8a5 5 0 1 1-1.6-3.7M13.2 2.3v2.6h-2.6",
  plus: "M8 3.5v9M3.5 8h9",
  path: "M2.5 4h5v4h4v4h2",
  sum: "M12.5 4.5v-2h-9L8 8l-4.5 5.5h9v-2",
  logs: "M3 4h10M3 8h7M3 12h9",
  collapse: "M4 6l4-3.5L12 6M4 10l4 3.5 4-3.5",
  broken: "M3 3l10 10M6.5 4.5 8.6 3.4a2.4 2.4 0 0 1 3.4 3.2L11 8M9.5 11.5l-1.9 1.1a2.4 2.4 0 0 1-3.6-3L5 8",
} as const;

export type IconName = keyof typeof paths;

/** Decorative: the control that holds it carries the name. */
export function Icon({ name, size = 14 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
