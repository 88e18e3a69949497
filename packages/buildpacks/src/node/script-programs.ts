// Determines which programs the commands of scripts and processes run.

type Scripts = Readonly<Record<string, string>>;

/** A program with its arguments. */
export type ProgramCall = readonly [program: string, ...words: readonly string[]];

/** Programs that run a script of package.json. */
export const scriptRunners: ReadonlySet<string> = new Set(["npm", "yarn", "pnpm", "bun"]);
/** Programs that run several scripts of package.json. */
const manyRunners: ReadonlySet<string> = new Set(["npm-run-all", "run-s", "run-p"]);
/** Programs that run the command in their arguments. */
const wrappers: ReadonlySet<string> = new Set(["npx", "bunx", "env", "cross-env", "cross-env-shell", "exec"]);

/** @returns the program of one step of a command, without variables, wrappers and the program's path. */
export function programOf(step: string): ProgramCall {
  const [program, ...words] = programPathOf(step);
  return [program.replace(/^.*\//, ""), ...words];
}

/** @returns the name of the script that `npm run` and the like run. */
export function scriptOf([, ...words]: ProgramCall): string | undefined {
  return words[0] === "run" ? words[1] : words[0];
}

/**
 * @returns the programs that a command runs, directly or through scripts of package.json: those found on PATH or in
 * node_modules/.bin, but no files of the app.
 */
export function programsOf(command: string, scripts: Scripts): readonly ProgramCall[] {
  const commands = new Set([command]);
  const calls: ProgramCall[] = [];
  for (const one of commands)
    for (const step of one.split(/&&|\|\||[;&|\n]/)) {
      const [path, ...words] = programPathOf(step);
      const program = path.replace(/^.*node_modules\/\.bin\//, "");
      if (program !== "" && !program.includes("/")) calls.push([program, ...words]);
      for (const script of scriptsRun([program, ...words]))
        for (const name of [`pre${script}`, script, `post${script}`])
          if (Object.hasOwn(scripts, name)) commands.add(scripts[name] ?? "");
    }
  return calls;
}

function scriptsRun(call: ProgramCall): readonly string[] {
  const [program, ...words] = call;
  if (manyRunners.has(program)) return words;
  return scriptRunners.has(program) ? [scriptOf(call) ?? ""] : [];
}

function programPathOf(step: string): ProgramCall {
  const words = step.match(/(?:[^\s"']|"[^"]*"|'[^']*')+/g) ?? [];
  const at = words.findIndex((word) => !wrappers.has(word) && !/^(\w+=|-)/.test(word));
  const [program = "", ...rest] = at === -1 ? [] : words.slice(at);
  return [program, ...rest];
}
