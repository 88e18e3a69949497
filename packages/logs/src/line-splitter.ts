// Bytes of a build's output become lines: decoded, cleaned, bounded in length, whatever the chunks they come in.

import { TerminalText } from "./terminal-text.ts";
import type { Masker } from "./secrets.ts";

/** A line longer than this many UTF-16 units goes on as further lines. */
const maxLineChars = 16 * 1024;

/**
 * Splits output into lines at `\n` or `\r\n`. A lone `\r` begins the line anew, as on a terminal: of a progress bar its last
 * state is kept. Invalid UTF-8 becomes U+FFFD. Any chunking of the same bytes gives the same lines.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #terminal = new TerminalText();
  readonly #masker: Masker;
  readonly #maxChars: number;
  /** The unfinished line. */
  #line = "";
  /** A `\r` was read: what comes next, unless it is `\n`, begins the line anew. */
  #returned = false;

  /** @param masker says where a long line must not be cut: a secret in halves would not be recognized. */
  constructor(masker: Masker, maxChars: number = maxLineChars) {
    this.#masker = masker;
    this.#maxChars = maxChars;
  }

  /** @returns the lines these bytes completed, without their ends. */
  push(bytes: Uint8Array): string[] {
    return this.#split(this.#terminal.push(this.#decoder.decode(bytes, { stream: true })));
  }

  /** Ends the output so far: an unfinished line counts as one. The splitter can be used on. */
  end(): string[] {
    const rest = this.#terminal.push(this.#decoder.decode()) + this.#terminal.end();
    const lines = this.#split(rest);
    if (this.#line !== "") {
      this.#cutLongLine(lines, 0);
      lines.push(this.#line);
    }
    this.#line = "";
    this.#returned = false;
    return lines;
  }

  #split(text: string): string[] {
    const lines: string[] = [];
    const pieces = text.split("\n");
    const last = pieces.pop() ?? "";
    for (const piece of pieces) {
      this.#extend(piece, lines);
      this.#cutLongLine(lines, 0);
      lines.push(this.#line);
      this.#line = "";
      this.#returned = false;
    }
    this.#extend(last, lines);
    return lines;
  }

  /** Adds a piece without `\n` to the unfinished line. */
  #extend(piece: string, lines: string[]): void {
    if (!this.#returned && !piece.includes("\r")) {
      this.#append(piece, lines);
      return;
    }
    for (const [index, segment] of piece.split("\r").entries()) {
      if (index > 0) this.#returned = true;
      if (segment === "") continue;
      if (this.#returned) this.#line = "";
      this.#returned = false;
      this.#append(segment, lines);
    }
  }

  #append(segment: string, lines: string[]): void {
    this.#line += segment;
    this.#cutLongLine(lines, this.#masker.longestChars);
  }

  /** Cuts off whole lines while more than the bound, and `spareChars` to look ahead for secrets, is there. */
  #cutLongLine(lines: string[], spareChars: number): void {
    const max = this.#maxChars;
    while (this.#line.length > max + spareChars) {
      const ahead = this.#line.slice(0, max + this.#masker.longestChars);
      const cut = wholeCharacter(this.#line, this.#masker.cutBefore(ahead, max));
      lines.push(this.#line.slice(0, cut));
      this.#line = this.#line.slice(cut);
    }
  }
}

/** One less where the cut would part the two halves of a character beyond the basic plane. */
function wholeCharacter(text: string, cut: number): number {
  const before = text.charCodeAt(cut - 1);
  const after = text.charCodeAt(cut);
  const parted = before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
  return parted && cut > 1 ? cut - 1 : cut;
}
