// Lists the forms in which programs print a secret: plain, quoted, and encoded.

/** Widths at which `openssl`, `base64` and `xxd` break their output. */
const base64Widths = [64, 76];
const hexWidths = [60];

export interface SecretForms {
  /** Readable forms: they are found as a whole. */
  readonly plain: ReadonlySet<string>;
  /** base64 and hexadecimal: parts of them are found too, since no ordinary text contains them. */
  readonly encoded: ReadonlySet<string>;
}

/** The forms of a secret: as it is, for shells, URLs and JSON, and its bytes as base64 and as hexadecimal digits. */
export function formsOf(secret: string): SecretForms {
  const quoted = [secret, ...quotedForms(secret)];
  return {
    plain: new Set([...quoted, ...urlForms(secret)].filter((form) => !/[\r\n]/.test(form))),
    encoded: new Set([...base64Forms(secret), ...hexForms(secret)]),
  };
}

/** As between quotes of a shell (`set -x`, `export -p`, `printf %q`), of JavaScript and of JSON, also in JSON within JSON. */
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

/** Escapes other characters, as JSON encoders do that write ASCII only. */
function asciiOnly(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, unicodeEscape);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** As in a path, a query and a form. */
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
 * base64 of the secret, alone and inside a longer text, where it begins at one of three positions in a group of bytes. The
 * characters that it shares with its neighbors are left out. Without padding, so that it is found with and without it.
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

/** The last line of the text for each width: the full lines before it are found as parts. */
function pieces(text: string, widths: readonly number[]): string[] {
  return widths
    .filter((width) => text.length > width)
    .map((width) => text.slice(Math.floor((text.length - 1) / width) * width));
}
