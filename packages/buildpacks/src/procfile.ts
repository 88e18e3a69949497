// Reads a Procfile: one process type and its shell command a line.

export interface Procfile {
  /** Process type → shell command, in the order of the file. */
  readonly processTypes: Readonly<Record<string, string>>;
  /** What was wrong, one sentence a line left out; for the deployment's log. */
  readonly problems: readonly string[];
}

const nameLengthMax = 24;
const line = /^([^\s:]+)\s*:(.*)$/;

/** Lines it cannot take are left out and told; comments (#) and empty lines are fine. */
export function parseProcfile(text: string): Procfile {
  const processTypes = new Map<string, string>();
  const problems: string[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (const [index, raw] of lines.entries()) {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const [, name = "", command = ""] = line.exec(content) ?? [];
    const problem = problemOf(name, command.trim()) ?? repetition(processTypes, name);
    if (problem === null) processTypes.set(name, command.trim());
    else problems.push(`Procfile line ${index + 1}: ${problem}`);
  }
  return { processTypes: Object.fromEntries(processTypes), problems };
}

/** @returns whether this can be the name of a process type. */
export function isProcessType(name: string): boolean {
  return /^[A-Za-z0-9]+$/.test(name) && name.length <= nameLengthMax;
}

function problemOf(name: string, command: string): string | null {
  if (name === "") return 'it is not of the form "type: command"';
  if (!isProcessType(name)) {
    return `a process type is 1 to ${nameLengthMax} letters and digits, which "${name.slice(0, 80)}" is not`;
  }
  return command === "" ? `the process type ${name} has no command` : null;
}

function repetition(known: ReadonlyMap<string, string>, name: string): string | null {
  return known.has(name) ? `the process type ${name} is there already; the first one counts` : null;
}
