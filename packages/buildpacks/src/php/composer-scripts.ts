// The commands of the scripts of composer.json.

import { stringsOf, type Table, tableOf } from "../documents.ts";

/**
 * @param runs whether Composer itself runs the script of this name.
 * @returns the commands of these scripts, and of the scripts they call. Every word that is the name of a script counts as a call of it.
 */
export function commandsOfScripts(manifest: Table, runs: (name: string) => boolean): readonly string[] {
  const scripts = tableOf(manifest["scripts"]);
  const reached = new Set(
    Object.keys(scripts)
      .filter(runs)
      .flatMap((name) => commandsOf(scripts[name])),
  );
  for (const command of reached)
    for (const word of command.split(/\s+/)) {
      const name = word.replace(/^@/, "");
      if (Object.hasOwn(scripts, name)) for (const called of commandsOf(scripts[name])) reached.add(called);
    }
  return [...reached];
}

/** A script is a command, a list of commands, or a table with commands as its keys, such as Symfony's `auto-scripts`. */
function commandsOf(script: unknown): readonly string[] {
  if (typeof script === "string") return [script];
  if (Array.isArray(script)) return stringsOf(script);
  return Object.keys(tableOf(script));
}
