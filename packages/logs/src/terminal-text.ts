// Removes terminal control sequences from output. Text, tabs, line terminators and colors are kept.

/** Control characters other than tab, newline and carriage return. */
// oxlint-disable-next-line eslint/no-control-regex
const controlCharacter = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;

/** Maximum length of an operating system command (window title, hyperlink…); the rest of a longer one is kept as text. */
const maxCommandChars = 2048;
const maxParameterChars = 64;

/** A complete escape sequence (the parameters of a color are captured), or one control character. */
const control = new RegExp(
  [
    `\\x1b\\[([0-9;:]{0,${maxParameterChars}})m`,
    `\\x1b\\[[0-?]{0,${maxParameterChars}}[ -/]{0,8}[@-~]?`,
    `\\x1b[\\]P^_X][^\\x07\\x1b\\n]{0,${maxCommandChars}}(?:\\x07|\\x1b\\\\|\\x1b$)?`,
    `\\x1b[ -/]{0,8}[0-~]?`,
    `[\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]`,
  ].join("|"),
  "g",
);

/** The beginning of a sequence that may continue in the next chunk. */
const unfinished = new RegExp(
  [
    `\\x1b(?:\\[[0-?]{0,${maxParameterChars}}[ -/]{0,8}`,
    `[\\]P^_X][^\\x07\\x1b\\n]{0,${maxCommandChars}}\\x1b?`,
    `[ -/]{0,8})$`,
  ].join("|"),
);

/**
 * Cleans text that arrives in chunks. It keeps colors (`ESC [ … m`) and removes other escape sequences and control characters,
 * including those that span chunks: the result does not depend on the chunks.
 */
export class TerminalText {
  /** An incomplete sequence at the end of the last chunk. */
  #incomplete = "";

  /** @returns the cleaned text, without an incomplete sequence at its end. */
  push(chunk: string): string {
    const text = this.#incomplete + chunk;
    this.#incomplete = "";
    if (!controlCharacter.test(text)) return text;
    const cut = text.lastIndexOf("\x1b") === -1 ? -1 : text.search(unfinished);
    if (cut === -1) return clean(text);
    this.#incomplete = text.slice(cut);
    return clean(text.slice(0, cut));
  }

  /** Ends the text and removes an incomplete sequence. @returns the rest of the text. */
  end(): string {
    const rest = clean(this.#incomplete);
    this.#incomplete = "";
    return rest;
  }
}

function clean(text: string): string {
  return text.replace(control, (sequence: string, color: string | undefined) =>
    color === undefined ? "" : sequence,
  );
}
