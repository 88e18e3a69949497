// Reads the modules of go.mod, which since Go 1.17 lists all modules that a build may use.

import type { Found, LockedPackage } from "./locked-package.ts";

/** Modules replaced by a folder of the source are omitted. */
export function readGoMod(text: string): Found {
  const lines = statementsOf(text);
  const of = (verb: string) => lines.flatMap(([first, ...rest]) => (first === verb ? [rest] : []));
  const replacements = new Map(
    of("replace").map((words) => {
      const arrow = words.indexOf("=>");
      return [words.slice(0, arrow).join("@"), words.slice(arrow + 1)] as const;
    }),
  );
  const packages = of("require").flatMap(([name = "", version = ""]): LockedPackage[] => {
    const replaced = replacements.get(`${name}@${version}`) ?? replacements.get(name);
    const [to = name, toVersion] = replaced ?? [name, version];
    if (toVersion === undefined) return [];
    return [{ type: "golang", name: to, version: toVersion, scope: "required", sha512: null }];
  });
  return { packages, isComplete: !isOlderThan117(of("go")[0]?.[0]) };
}

/** The words of each line, with the verb of its block as the first. */
function statementsOf(text: string): readonly (readonly string[])[] {
  let verb: string | null = null;
  const statements: string[][] = [];
  for (const line of text.split("\n")) {
    const words = line
      .replace(/\/\/.*/, "")
      .trim()
      .split(/\s+/)
      .map((word) => word.replace(/^"(.*)"$/, "$1"));
    if (words[0] === "") continue;
    if (words[0] === ")") verb = null;
    else if (words[1] === "(") verb = words[0] ?? "";
    else statements.push(verb === null ? words : [verb, ...words]);
  }
  return statements;
}

function isOlderThan117(go = "1.16"): boolean {
  const [major = 1, minor = 0] = go.split(".").map(Number);
  return major === 1 && minor < 17;
}
