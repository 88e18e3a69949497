// Takes terminal control out of output: what is left is text, tabs, line ends and colors.

/** Anything that needs a look: control characters other than tab, newline and carriage return. */
// oxlint-disable-next-line eslint/no-control-regex
const suspicious = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;

/** The longest text an operating-system command (window title, hyperlink…) may carry; the rest of a longer one is text. */
const maxCommandChars = 2048;
const maxParameterChars = 64;

/** A whole escape sequence (the parameters of a color are captured), or one control character. */
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

/** The beginning of a sequence whose end may be in the next piece of output. */
const unfinished = new RegExp(
  [
    `\\x1b(?:\\[[0-?]{0,${maxParameterChars}}[ -/]{0,8}`,
    `[\\]P^_X][^\\x07\\x1b\\n]{0,${maxCommandChars}}\\x1b?`,
    `[ -/]{0,8})$`,
  ].join("|"),
);

/**
 * Cleans text that comes in pieces. Colors (`ESC [ … m`) stay; other escape sequences and control characters go, also
 * where a piece ends amid one: any cutting of the same text gives the same result.
 */
export class TerminalText {
  #held = "";

  /** @returns the cleaned text, as far as it is certain. */
  push(piece: string): string {
    const text = this.#held + piece;
    this.#held = "";
    if (!suspicious.test(text)) return text;
    const cut = text.lastIndexOf("\x1b") === -1 ? -1 : text.search(unfinished);
    if (cut === -1) return clean(text);
    this.#held = text.slice(cut);
    return clean(text.slice(0, cut));
  }

  /** Ends the text. A sequence that never ended goes. @returns what remains of it. */
  end(): string {
    const rest = clean(this.#held);
    this.#held = "";
    return rest;
  }
}

function clean(text: string): string {
  return text.replace(control, (sequence: string, color: string | undefined) =>
    color === undefined ? "" : sequence,
  );
}
