// Splits a build's output into lines: decodes the bytes, removes terminal control sequences, and limits the lines' length.

import { TerminalText } from "./terminal-text.ts";
import type { Masker } from "./masker.ts";

/** Lines that are longer, in UTF-16 code units, are split. */
const maxLineChars = 16 * 1024;
/** Maximum number of color code characters per character of a secret for which the secret is still not cut with a long line. */
const maxColorChars = 24;

/**
 * Splits output into lines at `\n` or `\r\n`. A lone `\r` overwrites the line, as on a terminal, so that only the last state
 * of a progress bar remains. Invalid UTF-8 becomes U+FFFD. The result does not depend on how the bytes are chunked.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #terminal = new TerminalText();
  readonly #masker: Masker;
  readonly #maxChars: number;
  /** The unfinished line. */
  #line = "";
  /** Set when the last character was `\r`: the next character overwrites the line, unless it is `\n`. */
  #returned = false;
  /** Position of the first control sequence in an unfinished long line, within the part that was searched for one. */
  #colorAt = Infinity;
  #searchedChars = 0;

  /** @param masker finds secrets, which must not be cut with a long line: their parts would not be masked. */
  constructor(masker: Masker, maxChars: number = maxLineChars) {
    this.#masker = masker;
    this.#maxChars = maxChars;
  }

  /** @returns the lines completed by these bytes, without line terminators. */
  push(bytes: Uint8Array): string[] {
    return this.#split(this.#terminal.push(this.#decoder.decode(bytes, { stream: true })));
  }

  /** Ends the current line, even without a terminator. The splitter can be used further. */
  end(): string[] {
    const rest = this.#terminal.push(this.#decoder.decode()) + this.#terminal.end();
    const lines = this.#split(rest);
    if (this.#line !== "") {
      this.#cutLongLine(lines, { isEnd: true });
      lines.push(this.#line);
    }
    this.#clear();
    return lines;
  }

  #split(text: string): string[] {
    const lines: string[] = [];
    const pieces = text.split("\n");
    const last = pieces.pop() ?? "";
    for (const piece of pieces) {
      this.#extend(piece, lines);
      this.#cutLongLine(lines, { isEnd: true });
      lines.push(this.#line);
      this.#clear();
    }
    this.#extend(last, lines);
    return lines;
  }

  /** Appends text without `\n` to the unfinished line. */
  #extend(piece: string, lines: string[]): void {
    if (!this.#returned && !piece.includes("\r")) {
      this.#append(piece, lines);
      return;
    }
    for (const [index, segment] of piece.split("\r").entries()) {
      if (index > 0) this.#returned = true;
      if (segment === "") continue;
      if (this.#returned) this.#clear();
      this.#append(segment, lines);
    }
  }

  #clear(): void {
    this.#line = "";
    this.#returned = false;
    this.#forgetColor();
  }

  #forgetColor(): void {
    this.#colorAt = Infinity;
    this.#searchedChars = 0;
  }

  #append(segment: string, lines: string[]): void {
    this.#line += segment;
    if (this.#line.length > this.#maxChars) this.#cutLongLine(lines);
  }

  /** Splits the unfinished line while it is too long, at its end or when enough characters for secrets at the cut have arrived. */
  #cutLongLine(lines: string[], { isEnd = false } = {}): void {
    const max = this.#maxChars;
    while (this.#line.length > (isEnd ? max : max + this.#lookaheadChars())) {
      const ahead = this.#line.slice(0, max + this.#lookaheadChars());
      const cut = wholeCharacter(this.#line, this.#masker.cutBefore(ahead, max));
      lines.push(this.#line.slice(0, cut));
      this.#line = this.#line.slice(cut);
      this.#forgetColor();
    }
  }

  /** Number of characters that a secret may need after a cut. It does not depend on text further away. */
  #lookaheadChars(): number {
    const { longestChars } = this.#masker;
    if (this.#colorAt === Infinity) {
      const at = this.#line.indexOf("\x1b", this.#searchedChars);
      if (at !== -1) this.#colorAt = at;
      this.#searchedChars = this.#line.length;
    }
    return this.#colorAt < this.#maxChars + longestChars ? longestChars * maxColorChars : longestChars;
  }
}

/** Moves the cut back by one where it would split a surrogate pair. */
function wholeCharacter(text: string, cut: number): number {
  const before = text.charCodeAt(cut - 1);
  const after = text.charCodeAt(cut);
  const splitsPair = before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
  return splitsPair && cut > 1 ? cut - 1 : cut;
}
