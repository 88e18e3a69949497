// Finds the lines of a log that contain a text, in slices that leave the page responsive.

import { plainOf } from "./ansi.ts";
import type { LogBuffer } from "./log-buffer.ts";

const sliceLines = 20_000;

/** The numbers of matching lines, growing as the log does. */
export class LogSearch {
  readonly #buffer: LogBuffer;
  readonly #wanted: string;
  #searched = 0;
  #matches = new Uint32Array(256);
  #count = 0;
  #drops: number;

  constructor(buffer: LogBuffer, text: string) {
    this.#buffer = buffer;
    this.#drops = buffer.drops;
    this.#wanted = text.toLowerCase();
  }

  get count(): number {
    return this.#count;
  }

  /** @returns the number of the line of the match with this index. */
  match(index: number): number {
    return this.#matches[index] ?? 0;
  }

  /** @returns the index of the first match at or after a line; the count if there is none. */
  indexFrom(line: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.match(middle) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Searches further lines. @returns whether there are more lines to search. */
  step(): boolean {
    if (this.#drops !== this.#buffer.drops) {
      this.#drops = this.#buffer.drops;
      this.#searched = this.#count = 0;
    }
    const end = Math.min(this.#buffer.count, this.#searched + sliceLines);
    for (let number = this.#searched + 1; number <= end; number += 1) {
      if (plainOf(this.#buffer.line(number)).toLowerCase().includes(this.#wanted)) this.#add(number);
    }
    this.#searched = end;
    return end < this.#buffer.count;
  }

  #add(number: number): void {
    if (this.#count === this.#matches.length) {
      const longer = new Uint32Array(this.#matches.length * 2);
      longer.set(this.#matches);
      this.#matches = longer;
    }
    this.#matches[this.#count] = number;
    this.#count += 1;
  }
}
