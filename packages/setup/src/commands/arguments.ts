// Checks the arguments of a command.

import { SetupError } from "../setup-error.ts";

/** Returns the arguments of this process. Throws SetupError when one of them is not in `known`. */
export function takesOnly(
  command: string,
  known: readonly string[],
  given = process.argv.slice(2),
): string[] {
  const unknown = given.filter((arg) => !known.includes(arg));
  if (unknown.length === 0) return given;
  const takes = known.length === 0 ? "it takes no arguments" : `it takes ${known.join(" and ")} only`;
  throw new SetupError(`npm run ${command} has no argument ${unknown.join(" ")}: ${takes}.`);
}
