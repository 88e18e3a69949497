// Finds programs that an app's start command needs but its image lacks, since releases have no devDependencies.

import { lockedPrograms } from "@slipway/lock-files";
import type { PackageJson } from "./package-json.ts";
import { programsOf } from "./script-programs.ts";

export interface StartedApp {
  /** Command of the web process. */
  readonly command: string;
  readonly manifest: PackageJson;
  /** Manifest of the monorepo's root, or else the app's own. */
  readonly rootManifest: PackageJson;
  /** Text of npm's lock file; undefined for an app with another lock file, or none. */
  readonly npmLock: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
}

/** Programs whose names differ from their packages' names. Only npm's lock file lists programs. */
const programsOfPackages: Readonly<Record<string, readonly string[]>> = {
  "@angular/cli": ["ng"],
  "@babel/cli": ["babel"],
  "@babel/node": ["babel-node"],
  "@nestjs/cli": ["nest"],
  "@react-router/dev": ["react-router"],
  "@remix-run/dev": ["remix"],
  "@swc/cli": ["swc"],
  "@vue/cli-service": ["vue-cli-service"],
  typescript: ["tsc"],
};
/** Options of Node.js that load a package before the app. */
const loaders = /^(?:-r|--require|--import|--loader|--experimental-loader)$/;

/** @returns advice for the deployment's log; empty when the image has all programs that the command names. */
export function startAdvice(app: StartedApp): readonly string[] {
  if (keepsDevDependencies(app.variables)) return [];
  const isProvided = providersOf(app);
  const advice = new Map<string, string>();
  for (const [program, ...words] of programsOf(app.command, app.manifest.scripts)) {
    const named = program === "node" ? loadedPackages(words) : [program];
    for (const name of named) {
      const provider = isProvided(name, program === "node");
      if (provider !== null && !advice.has(provider)) advice.set(provider, name);
    }
  }
  return Array.from(advice, ([provider, name]) => adviceFor(app.command, name, provider));
}

function adviceFor(command: string, name: string, provider: string): string {
  const what = name === provider ? `${name}, which is` : `${name} of ${provider}, which is`;
  return (
    `The web process (${command.slice(0, 80)}) needs ${what} a devDependency. Images of releases have no devDependencies. ` +
    `Compile in the script "build" of package.json and start its output, or move ${provider} to "dependencies".`
  );
}

/** Uses the same rule as the buildpack's install. */
function keepsDevDependencies({ NODE_ENV, NPM_CONFIG_PRODUCTION }: StartedApp["variables"]): boolean {
  if (NPM_CONFIG_PRODUCTION === "true") return false;
  return NPM_CONFIG_PRODUCTION === "false" || (NODE_ENV ?? "production") !== "production";
}

/** @returns a function that names the devDependency which alone provides a program or a package; null when there is none. */
function providersOf({ manifest, rootManifest, npmLock }: StartedApp) {
  const locked = npmLock === undefined ? new Map<string, never>() : lockedPrograms(npmLock);
  const listed = (field: string) => [manifest, rootManifest].flatMap((one) => namesIn(one[field]));
  const production = new Set(["dependencies", "optionalDependencies"].flatMap(listed));
  const development = listed("devDependencies").filter((name) => !production.has(name));
  const provides = (name: string, program: string) =>
    (programsOfPackages[name] ?? [name.replace(/^.*\//, "")]).includes(program);
  return (name: string, isPackage: boolean): string | null => {
    if (isPackage) return development.includes(name) ? name : null;
    const found = locked.get(name);
    if (found !== undefined) return found.inReleases ? null : found.packageName;
    if ([...production].some((one) => provides(one, name))) return null;
    return development.find((one) => provides(one, name)) ?? null;
  };
}

function namesIn(list: unknown): readonly string[] {
  return typeof list === "object" && list !== null ? Object.keys(list) : [];
}

/** Packages that Node.js options such as `--import tsx` and `-r ts-node/register` name. */
function loadedPackages(words: readonly string[]): readonly string[] {
  const named = words.flatMap((word, at) => {
    const [option = "", value] = word.split("=", 2);
    return loaders.test(option) ? [value ?? words[at + 1] ?? ""] : [];
  });
  return named.flatMap((path) => /^(?:@[^/]+\/)?[^@./][^/]*/.exec(path)?.[0] ?? []);
}
