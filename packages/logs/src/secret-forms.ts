// Derives the forms in which programs print a secret: plain, quoted, and encoded.

/** Widths at which `openssl`, `base64` and `xxd` break their output. */
const base64Widths = [64, 76];
const hexWidths = [60];

export interface SecretForms {
  /** Readable forms, which are searched for as a whole. */
  readonly plain: ReadonlySet<string>;
  /** base64 and hexadecimal: parts of them are searched for as well, since no ordinary text contains them. */
  readonly encoded: ReadonlySet<string>;
}

/** The forms of a secret: unchanged, quoted for shells, URLs and JSON, and its bytes as base64 and as hexadecimal digits. */
export function formsOf(secret: string): SecretForms {
  const quoted = [secret, ...quotedForms(secret)];
  return {
    plain: new Set([...quoted, ...urlForms(secret)].filter((form) => !/[\r\n]/.test(form))),
    encoded: new Set([...base64Forms(secret), ...hexForms(secret)]),
  };
}

/** Quoted by a shell (`set -x`, `export -p`, `printf %q`), JavaScript or JSON, including JSON within JSON. */
function quotedForms(secret: string): string[] {
  const once = jsonText(secret);
  const slashes = [once, once.replaceAll("/", String.raw`\/`), once.replaceAll(/[<>&]/g, unicodeEscape)];
  const json = [...slashes, ...slashes.map(asciiOnly)].flatMap((form) => [
    form,
    jsonText(form),
    jsonText(jsonText(form)),
  ]);
  const backslashes = secret.replaceAll("\\", String.raw`\\`);
  return [
    ...json,
    secret.replaceAll("'", String.raw`'\''`),
    secret.replaceAll(/["$`\\]/g, String.raw`\$&`),
    secret.replaceAll(/[^\w@%+=:,./-]/g, String.raw`\$&`),
    backslashes,
    backslashes.replaceAll("'", String.raw`\'`),
  ];
}

function jsonText(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Escapes non-ASCII characters, like JSON encoders that write ASCII only. */
function asciiOnly(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, unicodeEscape);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Encoded as in a path, a query and a form. */
function urlForms(secret: string): string[] {
  const encoded = encodeURIComponent(secret.toWellFormed());
  const strict = encoded.replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  const inForm = new URLSearchParams([["", secret]]).toString().slice("=".length);
  const inPath = [encoded, strict].flatMap((form) => [form, form.replaceAll("%2F", "/")]);
  const forms = [...inPath, ...inPath.map((form) => form.replaceAll("%20", "+")), inForm];
  const small = (form: string) => form.replaceAll(/%../g, (byte) => byte.toLowerCase());
  return [...forms, ...forms.map(small), encodeURI(secret.toWellFormed()), encodeURIComponent(encoded)];
}

/**
 * base64 of the secret, alone and inside a longer text, where it begins at one of three positions in a group of bytes. Characters
 * that also encode neighboring bytes are omitted. The forms have no padding, so that they match with and without it.
 */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const forms = [0, 1, 2].flatMap((before) => {
    const length = before + bytes.length;
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const start = Math.ceil((before * 8) / 6);
    const inside = text.slice(start, Math.floor((length * 8) / 6));
    return pieces(before === 0 ? text : "", base64Widths).concat(text.slice(start), inside);
  });
  return forms.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}

function hexForms(secret: string): string[] {
  const hex = Buffer.from(secret).toString("hex");
  const forms = [hex, ...pieces(hex, hexWidths)];
  return [...forms, ...forms.map((form) => form.toUpperCase())];
}

/** The last line of the text for each width: the complete lines before it are found as parts. */
function pieces(text: string, widths: readonly number[]): string[] {
  return widths
    .filter((width) => text.length > width)
    .map((width) => text.slice(Math.floor((text.length - 1) / width) * width));
}
