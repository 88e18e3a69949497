// Summarizes the failure of a command from its output: a buildpack's own message, otherwise the last line that names an error.

import type { NumberedLine } from "@slipway/logs";

export interface FailureSummary {
  readonly text: string;
  /** The buildpack's advice; null without one. */
  readonly hint: string | null;
  /** The number of the log line that contains the text. */
  readonly line: number;
  /** Whether the output ends with the text, so that the log already ends with the reason. */
  readonly isExplained: boolean;
}

/** The prefix that buildpacks write before messages for the user. */
const mark = /^ !     (?=\S)/;
const seeAbove = / \(see above\)/;
/** A line that names an error, in the format of most languages and tools. */
const namesError =
  /^(\[?(error|fatal|panic)\b|(uncaught |unhandled )?[\w.$]*(error|exception)\b|.*\berror [A-Z]+\d|.*: (error|fatal)\b|.*(command not found|not found$|cannot find|no such file|permission denied))/i;
/** Lines that programs print after their error: stacks, versions, closing brackets, and the path of npm's log. */
const isNoise =
  /^(at |Node\.js v\d|[\s{}[\]()^~|=-]*$|npm (error|ERR!)( *$| A complete log| code | path | errno | Exit status|.*-debug-\d)|(code|errno|syscall|path|spawnargs|requireStack|cause)\b.*:)/;
const maxChars = 500;
/** A buildpack's last message explains the failure only if it is among the last lines. */
const linesAfterMark = 5;

/** @param lines the command's output lines, in order. @returns null without output. */
export function summarizeFailure(lines: readonly NumberedLine[]): FailureSummary | null {
  const printed = lines.filter(({ text }) => text.trim() !== "");
  const last = printed.findLastIndex(({ text }) => mark.test(text));
  if (last === -1 || printed.length - last > linesAfterMark) return ofProgram(printed);
  const first = printed.slice(0, last).findLastIndex(({ text }) => !mark.test(text)) + 1;
  const [reason, ...advice] = printed.slice(first, last + 1).map(({ text }) => text.replace(mark, "").trim());
  const above = reason !== undefined && seeAbove.test(reason) ? ofProgram(printed.slice(0, first)) : null;
  const text = withCause((reason ?? "").replace(seeAbove, ""), above);
  return {
    text: text.slice(0, maxChars),
    hint: advice.length === 0 ? null : advice.join(" ").slice(0, maxChars),
    line: printed[first]?.seq ?? 0,
    isExplained: last === printed.length - 1,
  };
}

function withCause(reason: string, cause: FailureSummary | null): string {
  return cause === null ? reason : `${reason.replace(/\.$/, "")}: ${cause.text}`;
}

/** The last line that names an error, otherwise the last line. */
function ofProgram(printed: readonly NumberedLine[]): FailureSummary | null {
  const words = printed
    .map(({ seq, text }) => ({ seq, text: text.trim() }))
    .filter(({ text }) => !isNoise.test(text) && !text.startsWith("----->"));
  const found = words.findLast(({ text }) => namesError.test(text)) ?? words.at(-1);
  if (found === undefined) return null;
  return { text: found.text.slice(0, maxChars), hint: null, line: found.seq, isExplained: false };
}
