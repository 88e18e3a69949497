// The lines of a log: sealed chunks of text with typed arrays of line ends, so that a million lines cost little more than their text.

import { isHeader } from "./log-folds.ts";

const chunkLines = 1_024;

interface Chunk {
  readonly text: string;
  /** Where each line ends within the text. */
  readonly ends: Uint32Array;
}

/** Holds the lines 1 to `count` of one log. Lines are numbered from 1, as in links. */
export class LogBuffer {
  readonly #chunks: Chunk[] = [];
  #open: string[] = [];
  #times = new Float64Array(chunkLines);
  readonly #headers: number[] = [];
  #count = 0;
  #drops = 0;
  readonly #listeners = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  /** Grows when lines are dropped, so that users of derived data notice that it is outdated. */
  get drops(): number {
    return this.#drops;
  }

  /** The numbers of the lines that begin a section, ascending. Grows with the log. */
  get headers(): readonly number[] {
    return this.#headers;
  }

  /**
   * Appends lines. Lines that the buffer already has are skipped, so a follower may resume anywhere.
   * @param seq number of the first line.
   * @param at when the line was written, or the lines; NaN if unknown.
   * @returns false if earlier lines are missing; then nothing is appended.
   */
  append(seq: number, lines: readonly string[], at: number | readonly number[] = Number.NaN): boolean {
    if (seq > this.#count + 1) return false;
    for (let index = this.#count + 1 - seq; index < lines.length; index += 1) {
      this.#push(lines[index] ?? "", typeof at === "number" ? at : (at[index] ?? Number.NaN));
    }
    for (const listener of this.#listeners) listener();
    return true;
  }

  /** @returns the text of a line, with its escape sequences; empty beyond the end. */
  line(number: number): string {
    const index = number - 1;
    const chunk = this.#chunks[Math.floor(index / chunkLines)];
    if (chunk === undefined) return this.#open[index - this.#chunks.length * chunkLines] ?? "";
    const within = index % chunkLines;
    return chunk.text.slice(within === 0 ? 0 : chunk.ends[within - 1], chunk.ends[within]);
  }

  /** @returns when a line was written, in milliseconds since 1970; NaN if unknown. */
  time(number: number): number {
    return number > this.#count ? Number.NaN : (this.#times[number - 1] ?? Number.NaN);
  }

  /** @returns the lines as text. */
  text(from = 1, to = this.#count): string {
    const lines: string[] = [];
    for (let number = from; number <= Math.min(to, this.#count); number += 1) lines.push(this.line(number));
    return lines.map((line) => `${line}\n`).join("");
  }

  /** Drops the lines after line `seq`, because they were replaced. */
  truncate(seq: number): void {
    if (seq >= this.#count) return;
    const sealed = Math.floor(seq / chunkLines);
    const start = sealed * chunkLines;
    this.#open = Array.from({ length: seq - start }, (_, index) => this.line(start + index + 1));
    this.#chunks.length = Math.min(this.#chunks.length, sealed);
    while ((this.#headers.at(-1) ?? 0) > seq) this.#headers.pop();
    this.#count = seq;
    this.#drops += 1;
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` after each change. @returns a function that ends the subscription. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #push(line: string, at: number): void {
    if (this.#count === this.#times.length) {
      const longer = new Float64Array(this.#times.length * 2);
      longer.set(this.#times);
      this.#times = longer;
    }
    this.#times[this.#count] = at;
    this.#count += 1;
    if (isHeader(line)) this.#headers.push(this.#count);
    this.#open.push(line);
    if (this.#open.length === chunkLines) this.#seal();
  }

  #seal(): void {
    const ends = new Uint32Array(chunkLines);
    let end = 0;
    for (const [index, line] of this.#open.entries()) {
      end += line.length;
      ends[index] = end;
    }
    this.#chunks.push({ text: this.#open.join(""), ends });
    this.#open = [];
  }
}
