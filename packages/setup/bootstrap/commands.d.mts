// The types of commands.mjs.

interface Command {
  /** The file that Node 24 runs, relative to the repository. */
  program: string;
  /** One line. */
  summary: string;
  help: string;
}

export const commands: Readonly<Record<string, Command>>;
export function commandList(): string;
