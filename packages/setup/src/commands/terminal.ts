// Prints the progress and the errors of the commands.

import colors from "picocolors";
import type { PrintLine } from "../progress.ts";
import { errorText } from "../setup-error.ts";

/** Prints progress lines on `stream`, with the step's name, which is a line's first word, in color. */
export function linePrinter(stream: NodeJS.WritableStream): PrintLine {
  return (line) => void stream.write(`${paintStep(line)}\n`);
}

/** Prints one line on standard output. */
export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** The lines to print about resources that could not be removed; none when `left` is empty. */
export function leftLines(left: readonly string[]): string[] {
  if (left.length === 0) return [];
  return ["Not everything could be removed; npm run down tries again:", ...left.map((line) => `  ${line}`)];
}

/** Runs a command's body. Sets the process's exit code from the result, or prints the error. */
export async function runCommand(body: () => Promise<number>): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);
  try {
    process.exitCode = await body();
  } catch (error) {
    process.stderr.write(`${colors.red(" !    ")} ${errorText(error)}\n`);
    process.exitCode = 1;
  }
}

/** Ignores that a reader closed its pipe (`| head`), so that the command can still end in order. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

function paintStep(line: string): string {
  const [, name = "", rest = line] = /^(\S+ +)(.*)$/s.exec(line) ?? [];
  return `${colors.cyan(name)}${rest}`;
}
