// Decides how a Node.js app is built, from its control files alone: none of its code runs.

import { SlipwayError } from "@slipway/core";
import { parseProcfile } from "../procfile.ts";
import { isFrontEnd } from "./front-end.ts";
import type { Language, LanguageFacts, LanguageSource } from "../language.ts";
import { unknownSettings } from "./package-manager-settings.ts";
import { type PackagesPlan, planPackages, readManifest, scriptsOf } from "./packages-plan.ts";
import { startAdvice } from "./start-advice.ts";
import { webCommand } from "./start.ts";

export interface NodePlan extends LanguageFacts, PackagesPlan {
  readonly kind: "nodejs";
}

const mebibyte = 1024 ** 2;

/** The files that the plan reads, with their maximum sizes in bytes. */
const nodeControlFiles: ReadonlyMap<string, number> = new Map([
  ["package.json", mebibyte],
  ["npm-shrinkwrap.json", 16 * mebibyte],
  ["package-lock.json", 16 * mebibyte],
  ["pnpm-lock.yaml", 16 * mebibyte],
  ["yarn.lock", 16 * mebibyte],
  ["bun.lock", 16 * mebibyte],
  // Only its existence matters.
  ["bun.lockb", 0],
  ["pnpm-workspace.yaml", 64 * 1024],
  [".yarnrc.yml", 64 * 1024],
  [".npmrc", 64 * 1024],
  [".nvmrc", 64 * 1024],
  [".node-version", 64 * 1024],
  ["static.json", 64 * 1024],
  // Only their existence matters.
  ...unknownSettings.map((name) => [name, 0] as const),
]);

/** @throws {SlipwayError} "build-failed" when the app cannot be built, with what to change. */
export function planNode(source: LanguageSource): NodePlan {
  const { read, names, variables, monorepo = null } = source;
  const manifest = readManifest(source);
  const { scripts, hasBuild } = scriptsOf(manifest);
  const command = webCommand({ manifest, names, hasBuild, runsScripts: scripts !== "none" });
  const frontEnd = isFrontEnd(manifest, source, command);
  const web = frontEnd ? null : command;
  if (!frontEnd && web === null && !names.includes("Procfile")) throw noStart();
  const procfile = read("Procfile")?.toString("utf8") ?? "";
  const { plan: packages, ...facts } = planPackages(source, manifest, [web ?? "", procfile]);
  const started = parseProcfile(procfile).processTypes["web"] ?? web;
  const advice =
    started === null || source.ownBuildpack === true
      ? []
      : startAdvice({ ...facts, command: started, manifest, variables });
  return {
    ...packages,
    kind: "nodejs",
    // The workspaces on which this one depends may have build scripts, which only the build container can determine.
    scripts: monorepo !== null && scripts === "none" ? "build" : scripts,
    releasedOn: frontEnd ? "stack" : "dependencies",
    web,
    // The static buildpack serves the build's output.
    runnerArguments: frontEnd ? ["front-end"] : [],
    warnings: [...packages.warnings, ...advice],
  };
}

export const nodejs: Language<NodePlan> = {
  kind: "nodejs",
  title: "Node.js",
  controlFiles: nodeControlFiles,
  detects: (names) => names.includes("package.json"),
  plan: planNode,
};

function noStart(): SlipwayError {
  return new SlipwayError(
    "build-failed",
    'The app does not say how it starts. Add a "start" script to package.json, a server.js or index.js, or a Procfile with a line such as "web: node index.js". A front end needs a "build" script, whose output is served as static files. To serve the files as they are, set the variable BUILDPACK_NAME to static.',
  );
}
