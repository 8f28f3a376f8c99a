/**
 * A colour per service: the same on every page and after a reload, and no two services of a small
 * system alike. Hues near red are left out, red means error here.
 */
const hues = [252, 152, 78, 312, 205, 118, 345, 52];
/** Lightness and chroma: the first ring is used up before the second begins. */
const rings = {
  light: [
    [0.6, 0.15],
    [0.45, 0.11],
    [0.73, 0.11],
  ],
  dark: [
    [0.73, 0.13],
    [0.57, 0.12],
    [0.86, 0.08],
  ],
} as const;
const slotCount = hues.length * rings.light.length;
const memoryKey = "throughline.service-colours";
const remembered = 256;

const slots: Map<string, number> = recall();

function recall(): Map<string, number> {
  try {
    const entries: unknown = JSON.parse(localStorage.getItem(memoryKey) ?? "[]");
    return new Map(Array.isArray(entries) ? (entries as [string, number][]).slice(-remembered) : []);
  } catch {
    return new Map();
  }
}

function hash(text: string): number {
  let h = 2166136261;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h >>> 0;
}

function slotOf(service: string): number {
  const known = slots.get(service);
  if (known !== undefined) return known;
  const uses = new Array<number>(slotCount).fill(0);
  for (const slot of slots.values()) uses[slot] = (uses[slot] ?? 0) + 1;
  const slot = freest(uses, hash(service) % hues.length);
  slots.set(service, slot);
  localStorage.setItem(memoryKey, JSON.stringify([...slots].slice(-remembered)));
  return slot;
}

/** The least used slot, earlier rings first, from the service's own hue onwards. */
function freest(uses: number[], preferred: number): number {
  const least = Math.min(...uses);
  for (let ring = 0; ring < rings.light.length; ring += 1) {
    for (let step = 0; step < hues.length; step += 1) {
      const slot = ring * hues.length + ((preferred + step) % hues.length);
      if (uses[slot] === least) return slot;
    }
  }
  return preferred;
}

/** Strong enough for a bar or a dot on either background. */
export function serviceColour(service: string, dark: boolean): string {
  const slot = slotOf(service) % slotCount;
  const [lightness, chroma] = rings[dark ? "dark" : "light"][Math.floor(slot / hues.length)] ?? [0.6, 0.14];
  return `oklch(${lightness} ${chroma} ${hues[slot % hues.length]})`;
}
