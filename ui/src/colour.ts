/**
 * A colour per service: the same on every page and after a reload, and no two services of a small
 * system alike. Hues near red are left out, red means error here.
 */
const hues = [250, 150, 75, 310, 195, 110, 280, 55, 225, 170, 335, 90, 265, 130, 210, 295];
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
  const uses = new Array<number>(hues.length).fill(0);
  for (const slot of slots.values()) uses[slot] = (uses[slot] ?? 0) + 1;
  const least = Math.min(...uses);
  let slot = hash(service) % hues.length;
  while ((uses[slot] ?? 0) > least) slot = (slot + 1) % hues.length;
  slots.set(service, slot);
  localStorage.setItem(memoryKey, JSON.stringify([...slots].slice(-remembered)));
  return slot;
}

/** Strong enough for a bar or a dot on either background. */
export function serviceColour(service: string, dark: boolean): string {
  const slot = slotOf(service);
  const hue = hues[slot] ?? 250;
  return dark ? `oklch(0.72 0.125 ${hue})` : `oklch(0.6 0.14 ${hue})`;
}
