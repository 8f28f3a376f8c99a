const grouped = new Intl.NumberFormat("en-US");

export function formatCount(n: number): string {
  return grouped.format(n);
}

/** 950, 1.2k, 48k, 3.4M */
export function formatShort(n: number): string {
  if (n < 1000) return String(n);
  const steps: [number, string][] = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ];
  for (const [size, unit] of steps) {
    if (n >= size * 0.9995) {
      const value = n / size;
      return `${value >= 9.95 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, "")}${unit}`;
    }
  }
  return String(n);
}

export function formatBytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  let value = n;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}
