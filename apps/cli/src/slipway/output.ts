// Writes results on standard output and messages on standard error.

import colors from "picocolors";

export class Output {
  /** Whether results are printed as JSON. */
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** Writes a result: as JSON on one line, or as text. */
  result(value: unknown, text: string | readonly string[]): void {
    if (this.json) return this.line(JSON.stringify(value));
    for (const line of typeof text === "string" ? [text] : text) this.line(line);
  }

  line(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** Writes a message for a person. */
  message(step: string, text: string): void {
    process.stderr.write(`${colors.cyan(step.padEnd(10))}${text}\n`);
  }

  /** Writes a message about a result that was printed as text. With JSON the result says the same. */
  note(text: string | undefined): void {
    if (text !== undefined && !this.json) process.stderr.write(`${text}\n`);
  }

  /** Overwrites the terminal's current line. Writes nothing without a terminal. */
  progress(text: string): void {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
  }

  progressEnd(): void {
    this.progress("");
  }
}

/** Formats rows as columns below their headings. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const toLine = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [colors.bold(toLine(headings)), ...rows.map(toLine)];
}
