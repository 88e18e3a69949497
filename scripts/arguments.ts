// What was given to a command after its name; an argument that it does not know is refused.
import { SetupError } from "./setup/setup-error.ts";

/** The arguments of this process, each one of `known`. Throws SetupError naming the others. */
export function takesOnly(
  command: string,
  known: readonly string[],
  given = process.argv.slice(2),
): string[] {
  const unknown = given.filter((arg) => !known.includes(arg));
  if (unknown.length === 0) return given;
  const takes = known.length === 0 ? "it takes no arguments" : `it takes ${known.join(" and ")} only`;
  throw new SetupError(`npm run ${command} does not know ${unknown.join(" ")}: ${takes}.`);
}
