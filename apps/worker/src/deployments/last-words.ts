// Finds in the output of a failed command what it said about its failure.

import type { NumberedLine } from "@slipway/logs";

export interface LastWords {
  readonly text: string;
  /** What to do about it, in the buildpack's words; null when it said nothing. */
  readonly hint: string | null;
  /** Number of the log's line with the text. */
  readonly line: number;
  /** Whether the text is a buildpack's own last line: then the log's end says already why the build failed. */
  readonly isExplained: boolean;
}

/** As buildpacks mark what the user should read. */
const mark = /^ !     (?=\S)/;
const seeAbove = / \(see above\)/;
/** A program's line that names an error, as most languages and tools write it. */
const namesError =
  /^(\[?(error|fatal|panic)\b|(uncaught |unhandled )?[\w.$]*(error|exception)\b|.*\berror [A-Z]+\d|.*: (error|fatal)\b|.*(command not found|not found$|cannot find|no such file|permission denied))/i;
/** What programs print after their error: stacks, versions, closing brackets, and where npm keeps its log. */
const isNoise =
  /^(at |Node\.js v\d|[\s{}[\]()^~|=-]*$|npm (error|ERR!)( *$| A complete log| code | path | errno | Exit status|.*-debug-\d)|(code|errno|syscall|path|spawnargs|requireStack|cause)\b.*:)/;
const maxChars = 500;
/** A buildpack's last mark explains the end only where it is among the last lines. */
const linesAfterMark = 5;

/** @param lines of the command's output, in order. @returns null when it said nothing. */
export function lastWordsOf(lines: readonly NumberedLine[]): LastWords | null {
  const spoken = lines.filter(({ text }) => text.trim() !== "");
  const last = spoken.findLastIndex(({ text }) => mark.test(text));
  if (last === -1 || spoken.length - last > linesAfterMark) return ofProgram(spoken);
  const first = spoken.slice(0, last).findLastIndex(({ text }) => !mark.test(text)) + 1;
  const [said, ...advice] = spoken.slice(first, last + 1).map(({ text }) => text.replace(mark, "").trim());
  const above = said !== undefined && seeAbove.test(said) ? ofProgram(spoken.slice(0, first)) : null;
  const text = withCause((said ?? "").replace(seeAbove, ""), above);
  return {
    text: text.slice(0, maxChars),
    hint: advice.length === 0 ? null : advice.join(" ").slice(0, maxChars),
    line: spoken[first]?.seq ?? 0,
    isExplained: last === spoken.length - 1,
  };
}

function withCause(said: string, cause: LastWords | null): string {
  return cause === null ? said : `${said.replace(/\.$/, "")}: ${cause.text}`;
}

/** The last line that names an error, else the last one at all. */
function ofProgram(spoken: readonly NumberedLine[]): LastWords | null {
  const words = spoken
    .map(({ seq, text }) => ({ seq, text: text.trim() }))
    .filter(({ text }) => !isNoise.test(text) && !text.startsWith("----->"));
  const found = words.findLast(({ text }) => namesError.test(text)) ?? words.at(-1);
  if (found === undefined) return null;
  return { text: found.text.slice(0, maxChars), hint: null, line: found.seq, isExplained: false };
}
