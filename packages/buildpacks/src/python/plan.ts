// Decides how a Python app is built, from its control files alone: none of its code runs.

import { SlipwayError } from "@slipway/core";
import type { Language, LanguageFacts, LanguageSource } from "../language.ts";
import { stringOf, tomlOf } from "../documents.ts";
import { type DependencyFile, dependencyFile, missingLock, planDependencies } from "./dependencies.ts";
import { appModules, noStart, webCommand } from "./start.ts";
import { pythonRequirement, type PythonRequirement, versionRange } from "./version.ts";

export interface PythonPlan extends LanguageFacts {
  readonly kind: "python";
  readonly python: PythonRequirement;
  /** Range of uv versions that the app allows; `*` for any. */
  readonly uvRange: string;
  /** The file from which the dependencies are installed. */
  readonly dependencies: DependencyFile;
}

const mebibyte = 1024 ** 2;

const pythonControlFiles: ReadonlyMap<string, number> = new Map([
  ["requirements.txt", mebibyte],
  ["pyproject.toml", mebibyte],
  ["uv.lock", 16 * mebibyte],
  ["poetry.lock", 16 * mebibyte],
  ["Pipfile.lock", 16 * mebibyte],
  ["Pipfile", 64 * 1024],
  ["uv.toml", 64 * 1024],
  ["poetry.toml", 64 * 1024],
  [".python-version", 64 * 1024],
  ["runtime.txt", 64 * 1024],
  ["manage.py", 64 * 1024],
  ...appModules.map((name): [string, number] => [name, mebibyte]),
]);

export const python: Language<PythonPlan> = {
  kind: "python",
  title: "Python",
  controlFiles: pythonControlFiles,
  // A Pipfile alone is refused with a message that says what to add.
  detects: (names) => dependencyFile(names) !== null || names.includes("Pipfile"),
  plan: planPython,
};

function planPython(source: LanguageSource): PythonPlan {
  const { names, variables } = source;
  const file = dependencyFile(names) ?? "requirements.txt";
  const project = tomlOf(source, "pyproject.toml");
  const missing = missingLock(names, project);
  if (missing !== null)
    throw new SlipwayError(
      "build-failed",
      `${missing.listedIn} lists the dependencies, and there is no ${missing.lock}. Run "${missing.command}", and add ${missing.lock} to the source.`,
    );
  const dependencies = planDependencies(source, project, file);
  const web = webCommand(source, dependencies.names);
  if (web === null && !names.includes("Procfile") && source.ownBuildpack !== true)
    throw noStart(source, file);
  const { install } = dependencies;
  return {
    kind: "python",
    python: pythonRequirement(source, project),
    uvRange: versionRange(stringOf(project, "tool", "uv", "required-version")) ?? "*",
    dependencies: file,
    // The lock file of an app without dependencies creates an empty environment, which the app's commands need.
    install: install === null ? null : { ...install, packageCount: Math.max(1, dependencies.names.size) },
    scripts: collectsStatic(names, dependencies.names, variables) ? "build" : "none",
    releasedOn: "dependencies",
    web,
    runnerArguments: [],
    warnings: warningsOf(names),
  };
}

/** Whether Django may have static files to collect, which only its settings determine. */
function collectsStatic(
  names: readonly string[],
  dependencies: ReadonlySet<string>,
  { DISABLE_COLLECTSTATIC: disabled = "" }: Readonly<Record<string, string>>,
): boolean {
  return names.includes("manage.py") && dependencies.has("django") && ["", "0"].includes(disabled);
}

function warningsOf(names: readonly string[]): readonly string[] {
  const folders = ["venv/", ".venv/"].filter((name) => names.includes(name));
  const locks = ["uv.lock", "poetry.lock", "Pipfile.lock"].filter((name) => names.includes(name));
  return [
    ...folders.map(
      (name) =>
        `${name.slice(0, -1)} is part of the source. Leave it out: the dependencies are installed here.`,
    ),
    ...(locks.length > 1
      ? [`There are ${locks.join(" and ")}: ${locks[0]} is used. Remove the files that the app does not use.`]
      : []),
  ];
}
