// What the commands print: progress lines with their step's name set off, and errors in one voice.
import colors from "picocolors";
import type { Say } from "./setup/progress.ts";
import { errorText } from "./setup/setup-error.ts";

/** Prints progress on `stream`; the first word of a line is the step's name. */
export function sayOn(stream: NodeJS.WritableStream): Say {
  return (line) => void stream.write(`${paintStep(line)}\n`);
}

/** Prints one line on standard output. */
export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** What to print of things that could not be taken down; nothing when there are none. */
export function leftLines(left: readonly string[]): string[] {
  if (left.length === 0) return [];
  return [
    "Not everything could be taken down; npm run down tries again:",
    ...left.map((line) => `  ${line}`),
  ];
}

/** Runs a command's body and turns its outcome into the process's exit code, an error into a message. */
export async function runCommand(body: () => Promise<number>): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreGoneReader);
  try {
    process.exitCode = await body();
  } catch (error) {
    process.stderr.write(`${colors.red(" !    ")} ${errorText(error)}\n`);
    process.exitCode = 1;
  }
}

/** Whoever read the output may leave (`| head`); what was begun is still ended in order. */
function ignoreGoneReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

function paintStep(line: string): string {
  const [, name = "", rest = line] = /^(\S+ +)(.*)$/s.exec(line) ?? [];
  return `${colors.cyan(name)}${rest}`;
}
