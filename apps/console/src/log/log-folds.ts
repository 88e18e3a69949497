// The sections of a log, each from a header to the line before the next one, and which lines are shown while some are folded.

/** A folded section: its header stays visible, the lines after it are hidden. */
interface Fold {
  readonly header: number;
  readonly last: number;
  /** Number of lines that earlier folds hide. */
  readonly hiddenBefore: number;
}

/** @returns whether a line is the header of a section, as buildpacks and Slipway write it. */
export function isHeader(line: string): boolean {
  return line.startsWith("-----> ");
}

/** Counts the numbers in an ascending list that are at most `number`. */
function countUpTo(numbers: readonly number[], number: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) <= number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The folded sections of a log. When the log drops lines, sections among these lines are no longer folded: other lines get their numbers.
 */
export class FoldedSections {
  readonly #buffer: FoldableLog;
  #headers: ReadonlySet<number> = new Set();
  #drops: number;

  constructor(buffer: FoldableLog) {
    this.#buffer = buffer;
    this.#drops = buffer.drops;
    buffer.subscribe(() => this.#forgetDropped());
  }

  /** The header numbers of folded sections. After each change, a different set. */
  get headers(): ReadonlySet<number> {
    return this.#headers;
  }

  set(headers: Iterable<number>): void {
    this.#headers = new Set(headers);
  }

  /** The log calls this before it appends the lines that replace the dropped ones. */
  #forgetDropped(): void {
    const { drops, count } = this.#buffer;
    if (drops === this.#drops) return;
    this.#drops = drops;
    this.set([...this.#headers].filter((header) => header <= count));
  }
}

/** The parts of a log's buffer that the folds use. */
interface FoldableLog {
  readonly count: number;
  readonly drops: number;
  readonly subscribe: (listener: () => void) => () => void;
}

/** The visible lines of a log with folded sections. Lines are numbered from 1, visible ones from index 0. */
export class LogFolds {
  readonly #headers: readonly number[];
  readonly #count: number;
  readonly #folds: Fold[] = [];
  readonly #foldHeaders: number[] = [];
  #hidden = 0;

  /** @param headers numbers of the header lines, ascending. @param folded numbers of the headers whose sections are folded. */
  constructor(headers: readonly number[], folded: ReadonlySet<number>, count: number) {
    this.#headers = headers;
    this.#count = count;
    for (const header of [...folded].toSorted((a, b) => a - b)) {
      const last = this.lastOf(header);
      this.#folds.push({ header, last, hiddenBefore: this.#hidden });
      this.#foldHeaders.push(header);
      this.#hidden += last - header;
    }
  }

  /** Number of visible lines. */
  get count(): number {
    return this.#count - this.#hidden;
  }

  /** @returns the number of the last line of a header's section. */
  lastOf(header: number): number {
    return (this.#headers[countUpTo(this.#headers, header)] ?? this.#count + 1) - 1;
  }

  /** @returns the header of the section that a line is in; null before the first. */
  headerOf(number: number): number | null {
    return this.#headers[countUpTo(this.#headers, number) - 1] ?? null;
  }

  /** @returns the number of the visible line with this index. */
  lineAt(index: number): number {
    let low = 0;
    let high = this.#folds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const fold = this.#folds[middle];
      // The line after the fold's header has this index, reduced by the number of lines hidden before.
      if (fold !== undefined && fold.header - fold.hiddenBefore <= index) low = middle + 1;
      else high = middle;
    }
    const before = this.#folds[low - 1];
    return index + 1 + (before === undefined ? 0 : before.hiddenBefore + before.last - before.header);
  }

  /** @returns the index of a line; while the line is hidden, the index of its section's header. */
  indexOf(number: number): number {
    const before = this.#folds[countUpTo(this.#foldHeaders, number) - 1];
    if (before === undefined) return number - 1;
    if (number <= before.last) return before.header - 1 - before.hiddenBefore;
    return number - 1 - before.hiddenBefore - (before.last - before.header);
  }
}
