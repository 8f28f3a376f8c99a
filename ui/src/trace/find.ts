/** Search within a trace: plain text over names, services, attributes, events, messages and logs. */
import type { Attribute, Span } from "../api/types";
import type { PlacedLog } from "./rows";

export function valueText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function attributeText(attributes: Attribute[]): string {
  return attributes.map(({ key, value }) => `${key}=${valueText(value)}`).join("\n");
}

export function haystack(span: Span): string {
  const events = span.events.map((event) => `${event.name}\n${attributeText(event.attributes)}`).join("\n");
  return `${span.name}\n${span.service}\n${span.spanId}\n${span.kind}\n${span.statusMessage}\n${attributeText(span.attributes)}\n${events}`.toLowerCase();
}

export class Finder {
  private texts: string[] | undefined;

  constructor(
    private readonly spans: Span[],
    private readonly logs: PlacedLog[],
  ) {}

  /** Rows of the spans that match, ascending. Every word has to occur; `"…"` keeps words together. */
  find(query: string): number[] {
    const words = [...query.toLowerCase().matchAll(/"([^"]+)"?|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
    if (words.length === 0) return [];
    const texts = (this.texts ??= this.prepare());
    const found: number[] = [];
    for (const [row, text] of texts.entries()) if (words.every((word) => text.includes(word))) found.push(row);
    return found;
  }

  private prepare(): string[] {
    const texts = this.spans.map(haystack);
    for (const { log, span } of this.logs) texts[span] += `\n${valueText(log.body)}`.toLowerCase();
    return texts;
  }
}

/** The match after (or before) a row, around the end. */
export function nextMatch(matches: number[], row: number, step: 1 | -1): number | undefined {
  if (matches.length === 0) return undefined;
  if (step === 1) return matches.find((match) => match > row) ?? matches[0];
  return matches.findLast((match) => match < row) ?? matches.at(-1);
}
