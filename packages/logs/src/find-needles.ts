// Finds many texts in one pass, with the Wu-Manber algorithm.

import type { Needle } from "./needles.ts";

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** @returns the spans of all needles, in order; overlapping and adjacent spans are merged. Reports the variable of each needle found. */
export type Find = (text: string, onFound?: (variable: string) => void) => Span[];

const tableSize = 65_536;
/** Number of characters at the end of the window that determine how far it moves. */
const blockChars = 3;

/**
 * A window as long as the shortest needle moves ahead by a distance that its last three characters determine. With hundreds of
 * needles it is ten times faster than a regular expression of alternatives.
 */
export function findNeedles(needles: readonly Needle[]): Find {
  const window = Math.min(...needles.map(({ text }) => text.length), 255);
  const jumps = new Uint8Array(tableSize).fill(window - blockChars + 1);
  const candidates = new Map<number, Needle[]>();
  for (const needle of needles.toSorted((a, b) => b.text.length - a.text.length)) {
    for (let last = blockChars - 1; last < window; last += 1) {
      const key = block(needle.text, last);
      jumps[key] = Math.min(jumps[key] ?? 0, window - 1 - last);
    }
    const key = block(needle.text, window - 1);
    const same = candidates.get(key);
    if (same === undefined) candidates.set(key, [needle]);
    else same.push(needle);
  }
  return (text, onFound) => {
    const spans: Span[] = [];
    let last = window - 1;
    while (last < text.length) {
      const key = block(text, last);
      const jump = jumps[key] ?? 0;
      if (jump > 0) {
        last += jump;
        continue;
      }
      const start = last - window + 1;
      const needle = candidates.get(key)?.find((candidate) => text.startsWith(candidate.text, start));
      if (needle !== undefined) {
        add(spans, extended(text, start, needle));
        onFound?.(needle.variable);
      }
      last += 1;
    }
    return spans;
  };
}

/** Hashes the three characters that end at `last` to a number below the table's size. */
function block(text: string, last: number): number {
  const a = text.charCodeAt(last - 2);
  const b = text.charCodeAt(last - 1);
  return ((a << 10) ^ (b << 5) ^ text.charCodeAt(last)) & (tableSize - 1);
}

/** The needle's span in the text, extended by the neighboring characters that match its source. */
function extended(
  text: string,
  at: number,
  { source, at: offset, text: part, keptBefore, keptAfter }: Needle,
): Span {
  let before = 0;
  while (before < offset && at > before && text[at - before - 1] === source[offset - before - 1]) before += 1;
  let after = part.length;
  while (offset + after < source.length && text[at + after] === source[offset + after]) after += 1;
  return { start: at - before + keptBefore, end: at + after - keptAfter };
}

/** Appends a span, merged with the preceding spans that it touches. */
function add(spans: Span[], span: Span): void {
  let { start, end } = span;
  for (let last = spans.at(-1); last && last.end >= start; last = spans.at(-1)) {
    start = Math.min(start, last.start);
    end = Math.max(end, last.end);
    spans.pop();
  }
  spans.push({ start, end });
}
