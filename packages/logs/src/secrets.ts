// Which values of an app's variables must not show in its logs, and the search that replaces them.

const maskedText = "[masked]";

/** Shorter values are no secrets, and masking them would garble the log. */
const minSecretChars = 8;

/** Parts of a variable's name, between underscores, that say its value is secret. */
const secretName =
  /(?:^|_)(?:KEYS?|PASS|PWD|AUTH|DSN|SALT|JWT|PAT|COOKIE|SIGNATURE)(?:_|$)|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY/i;
const addressName = /(?:^|_)(?:UR[LI]|ENDPOINT|HOST)$/i;

/**
 * What to mask for these variables: values whose name says so, line by line, and whatever stands before the `@` of a URL;
 * each also as base64, URL-encoded, and as it stands in JSON and between a shell's single quotes (`set -x`).
 */
export function secretsOf(variables: readonly { readonly name: string; readonly value: string }[]): string[] {
  const found = new Set<string>();
  for (const { name, value } of variables) {
    const inUrl = urlCredentials(value);
    const wholeValue = secretName.test(name) && !(addressName.test(name) && URL.canParse(value));
    for (const secret of wholeValue ? [value, ...inUrl] : inUrl) addForms(found, secret);
  }
  return [...found].filter((secret) => secret.length >= minSecretChars);
}

/** Finds all of a set of strings in one pass. */
export interface Masker {
  /** The text with every occurrence replaced; overlapping ones become one. */
  mask(text: string): string;
  /** Where to cut the text at `at` or before, so that no occurrence lies across the cut. Never 0. */
  cutBefore(text: string, at: number): number;
  /** Length of the longest string that is looked for, 0 when there is none. */
  readonly longestChars: number;
}

export function createMasker(secrets: readonly string[]): Masker {
  const words = [...new Set(secrets.filter((secret) => secret.length >= minSecretChars))];
  if (words.length === 0) return { mask: (text) => text, cutBefore: (_text, at) => at, longestChars: 0 };
  const find = finder(words);
  return {
    longestChars: Math.max(...words.map((word) => word.length)),
    mask(text) {
      let masked = "";
      let from = 0;
      find(text, (start, end) => {
        masked += text.slice(from, start) + maskedText;
        from = end;
      });
      return from === 0 ? text : masked + text.slice(from);
    },
    cutBefore(text, at) {
      let cut = at;
      find(text, (start, end) => {
        if (start < at && end > at && start > 0) cut = start;
      });
      return cut;
    },
  };
}

type Find = (text: string, onSpan: (start: number, end: number) => void) => void;

/**
 * Wu and Manber's search: a window as long as the shortest word jumps on by what its last two characters allow. It
 * stays fast with hundreds of words, where a regular expression of alternatives falls behind by ten times.
 */
function finder(words: readonly string[]): Find {
  const window = Math.min(...words.map((word) => word.length), 255);
  const jumps = new Uint8Array(65_536).fill(window - 1);
  const candidates = new Map<number, string[]>();
  for (const word of words.toSorted((a, b) => b.length - a.length)) {
    for (let last = 1; last < window; last += 1) {
      const key = pair(word, last);
      jumps[key] = Math.min(jumps[key] ?? 0, window - 1 - last);
    }
    const key = pair(word, window - 1);
    candidates.set(key, [...(candidates.get(key) ?? []), word]);
  }
  return (text, onSpan) => {
    let spanStart = -1;
    let spanEnd = -1;
    let last = window - 1;
    while (last < text.length) {
      const key = pair(text, last);
      const jump = jumps[key] ?? 0;
      if (jump > 0) {
        last += jump;
        continue;
      }
      const start = last - window + 1;
      const word = candidates.get(key)?.find((candidate) => text.startsWith(candidate, start));
      if (word !== undefined) {
        if (start > spanEnd) {
          if (spanEnd > 0) onSpan(spanStart, spanEnd);
          spanStart = start;
        }
        spanEnd = Math.max(spanEnd, start + word.length);
      }
      last += 1;
    }
    if (spanEnd > 0) onSpan(spanStart, spanEnd);
  };
}

/** The two characters that end at `last`, as a number below 65 536. */
function pair(text: string, last: number): number {
  return ((text.charCodeAt(last - 1) << 5) ^ text.charCodeAt(last)) & 0xffff;
}

/** User information of a URL, as it stands there and decoded; empty where there is none. */
function urlCredentials(value: string): string[] {
  const userInfo = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\s]+)@/i.exec(value.trim())?.[1];
  if (userInfo === undefined) return [];
  const colon = userInfo.indexOf(":");
  const parts = colon === -1 ? [userInfo] : [userInfo, userInfo.slice(colon + 1)];
  return [...parts, ...parts.map(decoded)];
}

function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
    Buffer.from(bytes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

function addForms(found: Set<string>, secret: string): void {
  if (secret.length < minSecretChars) return;
  for (const line of secret.split(/\r\n|\r|\n/)) {
    const text = line.trim();
    if (text.length < minSecretChars || text.startsWith("-----")) continue;
    found.add(text);
    found.add(encodeURIComponent(text.toWellFormed()));
    found.add(JSON.stringify(text).slice(1, -1));
    found.add(text.replaceAll("'", String.raw`'\''`));
  }
  found.add(withoutPadding(Buffer.from(secret).toString("base64")));
  found.add(Buffer.from(secret).toString("base64url"));
}

/** Without its padding the base64 form is found with and without it. */
function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, "");
}
