// Parses a Procfile, which has one process type with its shell command per line.

export interface Procfile {
  /** Process type → shell command, in the order of the file. */
  readonly processTypes: Readonly<Record<string, string>>;
  /** One message per ignored line, for the deployment's log. */
  readonly problems: readonly string[];
}

const maxNameLength = 24;
const line = /^([^\s:]+)\s*:(.*)$/;

/** Invalid lines are ignored and reported as problems. Comments (#) and empty lines are allowed. */
export function parseProcfile(text: string): Procfile {
  const processTypes = new Map<string, string>();
  const problems: string[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (const [index, raw] of lines.entries()) {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const [, name = "", command = ""] = line.exec(content) ?? [];
    const problem = problemOf(name, command.trim()) ?? duplicateProblem(processTypes, name);
    if (problem === null) processTypes.set(name, command.trim());
    else problems.push(`Procfile line ${index + 1}: ${problem}`);
  }
  return { processTypes: Object.fromEntries(processTypes), problems };
}

/** @returns whether this is a valid name for a process type. */
export function isProcessType(name: string): boolean {
  return /^[A-Za-z0-9]+$/.test(name) && name.length <= maxNameLength;
}

function problemOf(name: string, command: string): string | null {
  if (name === "") return 'the line must have the form "type: command"';
  if (!isProcessType(name)) {
    return `"${name.slice(0, 80)}" is not a valid process type; use 1 to ${maxNameLength} letters and digits`;
  }
  return command === "" ? `the process type ${name} has no command` : null;
}

function duplicateProblem(processTypes: ReadonlyMap<string, string>, name: string): string | null {
  return processTypes.has(name)
    ? `the process type ${name} is already defined; the first definition is used`
    : null;
}
