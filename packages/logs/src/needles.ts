// Converts secrets into texts to search for: complete forms, and parts of long random forms.

import { formsOf } from "./secret-forms.ts";
import type { SecretForms } from "./secret-forms.ts";
import { isSecretLike } from "./secret-words.ts";
import { minSecretChars } from "./secrets.ts";
import type { Secret } from "./secrets.ts";

/** A text to search for: `source` itself, or a part of it from which a match is extended to the neighboring text of `source`. */
export interface Needle {
  readonly text: string;
  readonly source: string;
  /** Position of `text` in `source`. */
  readonly at: number;
  readonly variable: string;
  /** Number of characters at both ends of a match that are context, not secret. */
  readonly keptBefore: number;
  readonly keptAfter: number;
}

/** A longer form may be cut with a long line; its parts are then found on both sides. */
export const maxSourceChars = 16 * 1024;
/** Parts have this length, and begin at multiples of it, so a run of twice the length always contains a part. */
const partChars = 16;
const maxParts = 256;
/** Maximum number of secrets, and of secrets in all forms: a variable may have thousands of lines, and a worker serves many tenants. */
const maxSecrets = 5_000;
const maxEncodedSecrets = 500;
const singleToken = /^[\w+/=.~-]+$/;

/** @returns the texts to search for. No two needles have the same text. */
export function needlesOf(secrets: readonly Secret[]): Needle[] {
  const needles = new Map<string, Needle>();
  for (const [index, { variable, text, before = "", after = "" }] of secrets.slice(0, maxSecrets).entries()) {
    const whole = before + text + after;
    const { plain, encoded } = index < maxEncodedSecrets ? formsOf(whole) : asItIs(whole);
    const context = (source: string) =>
      source === whole
        ? { keptBefore: before.length, keptAfter: after.length }
        : { keptBefore: 0, keptAfter: 0 };
    const sources = [
      ...Array.from(plain, (source) => ({ source, inParts: isRandomToken(source) })),
      ...Array.from(encoded, (source) => ({ source, inParts: true })),
    ];
    for (const { source, inParts } of sources) {
      for (const { text: part, at } of inParts ? partsOf(source) : [{ text: source, at: 0 }]) {
        const known = needles.get(part);
        if (part.length < minSecretChars || (known && known.source.length >= source.length)) continue;
        needles.set(part, { text: part, source, at, variable, ...context(source) });
      }
    }
  }
  return [...needles.values()];
}

function asItIs(secret: string): SecretForms {
  return { plain: new Set([secret]), encoded: new Set() };
}

function isRandomToken(text: string): boolean {
  return singleToken.test(text) && isSecretLike(text);
}

function partsOf(source: string): { text: string; at: number }[] {
  if (source.length < 2 * partChars) return [{ text: source, at: 0 }];
  const stride = Math.max(partChars, Math.ceil(source.length / maxParts));
  const count = Math.floor((source.length - partChars) / stride) + 1;
  return Array.from({ length: count }, (_, index) => ({
    text: source.slice(index * stride, index * stride + partChars),
    at: index * stride,
  }));
}
