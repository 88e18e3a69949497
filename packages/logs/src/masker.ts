// Replaces secrets in text, in one pass regardless of their number, even if color codes are between their characters.

import { findNeedles } from "./find-needles.ts";
import type { Find, Span } from "./find-needles.ts";
import { maxSourceChars, needlesOf } from "./needles.ts";
import type { Secret } from "./secrets.ts";

const maskedText = "[masked]";
/** The control sequences that a log keeps, see TerminalText. */
// oxlint-disable-next-line eslint/no-control-regex
const colorCode = /\x1b\[[0-9;:]*m/g;

export interface Masker {
  /** Replaces every secret in the text. Overlapping and adjacent secrets are replaced as one. */
  mask(text: string): string;
  /** @returns the last position up to `at` where the text can be cut without cutting a secret. Never 0. */
  cutBefore(text: string, at: number): number;
  /** Number of characters after a cut that determine whether it cuts a secret, without color codes; 0 without secrets. */
  readonly longestChars: number;
  /** The variables whose values `mask` has replaced so far, sorted. */
  hidden(): string[];
}

/** @returns a masker for these secrets, see `secretsOf`. It records the variables whose values it has replaced. */
export function createMasker(secrets: readonly Secret[]): Masker {
  const needles = needlesOf(secrets);
  if (needles.length === 0)
    return { mask: (text) => text, cutBefore: (_text, at) => at, longestChars: 0, hidden: () => [] };
  const find = findNeedles(needles);
  const hidden = new Set<string>();
  return {
    longestChars: Math.min(maxSourceChars, Math.max(...needles.map(({ source }) => source.length))),
    mask(text) {
      const spans = spansIn(text, find, (variable) => hidden.add(variable));
      if (spans.length === 0) return text;
      let masked = "";
      let from = 0;
      for (const { start, end } of spans) {
        const colors = text.slice(start, end).match(colorCode) ?? [];
        masked += text.slice(from, start) + maskedText + colors.join("");
        from = end;
      }
      return masked + text.slice(from);
    },
    cutBefore(text, at) {
      const cut = spansIn(text, find).find(({ start, end }) => start < at && end > at && start > 0);
      return cut?.start ?? at;
    },
    hidden: () => [...hidden].toSorted(),
  };
}

function spansIn(text: string, find: Find, onFound?: (variable: string) => void): Span[] {
  if (!text.includes("\x1b")) return find(text, onFound);
  const spans = find(text.replaceAll(colorCode, ""), onFound);
  return spans.length === 0 ? spans : withColors(text, spans);
}

/** Translates positions in the text without color codes to positions in the text. Codes around a span remain outside of it. */
function withColors(text: string, spans: readonly Span[]): Span[] {
  const codes = text.matchAll(colorCode);
  let code = codes.next().value;
  let skipped = 0;
  const position = (plain: number, isBefore: (at: number) => boolean) => {
    for (; code && isBefore(code.index - skipped); code = codes.next().value) skipped += code[0].length;
    return plain + skipped;
  };
  return spans.map(({ start, end }) => ({
    start: position(start, (at) => at <= start),
    end: position(end, (at) => at < end),
  }));
}
