// Keeps the last output of a starting app, to explain a failed start when no log is stored.

import { stripVTControlCharacters } from "node:util";
import { createMasker, TerminalText } from "@slipway/logs";
import type { Secret } from "@slipway/logs";

const keptBytes = 16 * 1024;
const shownLines = 10;
const shownChars = 2_000;

export class BootOutput {
  readonly #masker: ReturnType<typeof createMasker>;
  #kept: Buffer = Buffer.alloc(0);

  /** @param secrets values that are masked in the output. */
  constructor(secrets: readonly Secret[]) {
    this.#masker = createMasker(secrets);
  }

  write(bytes: Uint8Array): void {
    this.#kept = Buffer.concat([this.#kept, bytes]);
    if (this.#kept.length > keptBytes) this.#kept = this.#kept.subarray(-keptBytes);
  }

  /** The last lines as text; empty when nothing was written. A line whose beginning was cut off is left out. */
  tail(): string {
    const text = new TerminalText();
    const clean = stripVTControlCharacters(text.push(this.#kept.toString("utf8")) + text.end());
    const whole = this.#kept.length < keptBytes ? clean : clean.slice(clean.indexOf("\n") + 1);
    const lines = this.#masker
      .mask(whole)
      .split(/\r?\n|\r/)
      .filter((line) => line.trim() !== "");
    return lines.slice(-shownLines).join("\n").slice(-shownChars);
  }
}
