// Finds the secrets among an app's variables: whole values, passwords in URLs, and the secret parts of files.

import { hasSecretFormat, isOrdinary, isSecretLike } from "./secret-words.ts";

/** Minimum length of masked values: shorter ones are rarely secrets and occur in unrelated text. */
export const minSecretChars = 8;
/** Maximum nesting of JSON, within JSON and within strings. */
const maxDepth = 6;

/** Names of variables whose values are secret. */
const secretName =
  /(?:^|_)(?:KEYS?|PASS|PWD|AUTH|DSN|SALT|JWT|PAT|COOKIE|SIGNATURE)(?:_|$)|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY/i;
const addressName = /(?:^|_)(?:UR[LI]|ENDPOINT|HOST)$/i;

/** Line breaks, including their escapes, with which files are written into a single line. */
const lineBreak = /\r\n|\r|\n|\\r\\n|\\n/;
const assignment = /^(?:export\s+)?["']?([\w.-]+)["']?\s*[:=]\s*(.+?),?$/s;
const url = /^[a-z][a-z0-9+.-]*:\/\//i;
const urlUserInfo = /[a-z][a-z0-9+.-]{0,30}:\/\/([^/?#\s]+)@([^/?#,\s"']*)/gi;

export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** A text that must not be visible in any form. */
export interface Secret {
  /** The variable that contains it. */
  readonly variable: string;
  readonly text: string;
  /** If set, the text is a secret only between these texts, which remain visible. */
  readonly before?: string;
  readonly after?: string;
}

/**
 * @returns the secrets to mask: values that the variable's name or their own format marks as secret, secret parts of JSON and of values
 * with several lines, and the user information of URLs. Common words and values of other variables are not masked, unless they
 * look random. Of a file only the secret parts are masked line by line, or all lines when it has no such part.
 */
export function secretsOf(variables: readonly Variable[]): Secret[] {
  const ordinary = new Set(
    variables.filter(({ name }) => !secretName.test(name)).map(({ value }) => value.trim()),
  );
  const isHidden = ({ text, before = "", after = "" }: Found) =>
    (before + text + after).length >= minSecretChars && (isSecretLike(text) || !ordinary.has(text));
  const found = variables.flatMap(({ name, value }) => {
    const own = [...urlCredentials(value), ...valueSecrets(name, value, 0)].filter(isHidden);
    return own.map((secret) => Object.assign(secret, { variable: name }));
  });
  // Complete values come before parts of values, because the number of secrets that are searched for in all forms is limited.
  const values = new Set(variables.map(({ value }) => value.trim()));
  return found.toSorted((a, b) => Number(values.has(b.text)) - Number(values.has(a.text)));
}

type Found = Omit<Secret, "variable">;

/** The secrets in the value of a variable, of a JSON property or of a line `name=value`. */
function valueSecrets(name: string, value: string, depth: number): Found[] {
  const text = value.trim();
  const isSecret =
    hasSecretFormat(text) || (secretName.test(name) && !(addressName.test(name) && url.test(text)));
  if (!isSecret && depth === 0) return [];
  const parts = depth < maxDepth ? partsOf(text, depth) : [];
  if (isSecret) return isOrdinary(text) ? [] : [{ text }, ...parts];
  return isSecretLike(text) && !url.test(text) ? [{ text }, ...parts] : parts;
}

/** The secret parts of JSON and of values with several lines. */
function partsOf(text: string, depth: number): Found[] {
  const json = jsonProperties(text);
  if (json !== undefined) return json.flatMap(([name, value]) => valueSecrets(name, value, depth + 1));
  const lines = text.split(lineBreak).map((line) => line.trim());
  if (lines.length === 1) return [];
  const parts = [...pemLines(lines), ...lines.flatMap((line) => lineSecrets(line, depth))];
  const long = lines.filter(
    (line) => line.length >= minSecretChars && !isOrdinary(line) && !line.startsWith("-----"),
  );
  return parts.length > 0 ? parts : long.map((line) => ({ text: line }));
}

/** All strings of a JSON object or array with their names; undefined for other text. */
function jsonProperties(text: string): [string, string][] | undefined {
  if (!/^[[{]/.test(text)) return undefined;
  const properties: [string, string][] = [];
  try {
    JSON.parse(text, (name, value: unknown) => {
      if (typeof value === "string") properties.push([name, value]);
      return value;
    });
    return properties;
  } catch {
    return undefined;
  }
}

/** The lines between the markers of PEM blocks. */
function pemLines(lines: readonly string[]): Found[] {
  const found: Found[] = [];
  let inside = false;
  for (const line of lines) {
    if (line.startsWith("-----")) inside = line.startsWith("-----BEGIN");
    else if (inside) found.push({ text: line });
  }
  return found;
}

function lineSecrets(line: string, depth: number): Found[] {
  const [, name, value] = assignment.exec(line) ?? [];
  const named = name && value ? valueSecrets(name, value.replace(/^(["'])(.*)\1$/, "$2"), depth + 1) : [];
  const tokens = line.split(/[\s"',;]+/).filter((token) => isSecretLike(token) && !url.test(token));
  return [...named, ...tokens.map((text) => ({ text }))];
}

/** The user information of URLs, and its password alone, encoded and decoded. */
function urlCredentials(value: string): Found[] {
  return [...value.matchAll(urlUserInfo)].flatMap(([, userInfo = "", host = ""]) => {
    const colon = userInfo.indexOf(":");
    const parts = colon === -1 ? [userInfo] : [userInfo.slice(colon + 1)];
    const alone: Found[] = [...parts, ...parts.map(decoded)]
      .filter((part) => !isOrdinary(part))
      .map((text) => ({ text }));
    if (colon === -1) return alone;
    const both: Found[] = [userInfo, decoded(userInfo)].map((text) => ({ text }));
    return alone.concat(both, { text: userInfo, before: "//", after: `@${host}` });
  });
}

function decoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
    Buffer.from(bytes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}
