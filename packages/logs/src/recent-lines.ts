// The latest lines of a log, masked, in memory: the reason of a failed attempt is searched in them.

import type { LineBatch } from "./tail.ts";

export interface NumberedLine {
  /** Number of the line in the log. */
  readonly seq: number;
  readonly text: string;
}

const keptLines = 100;

/** Keeps whole batches, since splitting them costs more than keeping them. */
export class RecentLines {
  readonly #batches: LineBatch[] = [];
  #lineCount = 0;

  add(batch: LineBatch): void {
    this.#batches.push(batch);
    this.#lineCount += batch.lineCount;
    for (;;) {
      const [oldest] = this.#batches;
      if (oldest === undefined || this.#lineCount - oldest.lineCount < keptLines) return;
      this.#batches.shift();
      this.#lineCount -= oldest.lineCount;
    }
  }

  /** @returns the last lines in order. */
  lines(): readonly NumberedLine[] {
    return this.#batches
      .flatMap(({ firstSeq, text }) =>
        text.split("\n").map((line, index) => ({ seq: firstSeq + index, text: line })),
      )
      .slice(-keptLines);
  }
}
