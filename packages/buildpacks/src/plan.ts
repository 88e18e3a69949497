// Decides from a source's control files how it is built, before any of its code runs.

import { posix } from "node:path";
import { foldersAbove, monorepoRoot } from "./node/monorepo.ts";
import type { NodePlan } from "./node/plan.ts";
import { workspaceFileNames } from "./node/workspace-files.ts";
import { languages } from "./languages.ts";
import { builtFolder, languageFiles, type PlannedLanguage, planLanguage } from "./plan-language.ts";
import { type PlanSource, projectDirectory } from "./plan-source.ts";
import type { BuildpackUrl } from "./remote/buildpack-url.ts";
import { type BuildpackCatalogue, type CataloguedBuildpack, checkStack } from "./remote/catalogue.ts";
import { chosenBuildpacks } from "./remote/chosen-buildpacks.ts";

export interface BuildPlan extends PlannedLanguage {
  /** The chosen buildpacks that all build the app, in order; null to use the bundled ones. */
  readonly buildpacks: readonly BuildpackUrl[] | null;
  /** Whether the build fails without the toolchain. It does not if the app may be its own buildpack. */
  readonly languageRequired: boolean;
  /** Path in the source of the monorepo whose workspace is built, "" for the source itself; null for any other app. */
  readonly monorepo: string | null;
  /** The only folder of the source that is used: the monorepo, or the folder that PROJECT_DIR names; "" for the whole source. */
  readonly folder: string;
  readonly procfile: string | null;
  readonly slugIgnore: string | null;
}

/** Scripts of an app that is its own buildpack. */
const inlineScripts = ["bin/detect", "bin/compile"];
const buildpacksFile = ".buildpacks";
const slugIgnoreFile = ".slugignore";
const maxControlFileBytes = 64 * 1024;

/** @returns the paths of the files that `planBuild` reads, each with its maximum size in bytes. */
export function controlFiles(projectDir: string): ReadonlyMap<string, number> {
  const files = new Map<string, number>();
  const add = (folder: string, some: Iterable<readonly [name: string, maxBytes: number]>) => {
    for (const [name, maxBytes] of some) files.set(posix.join(folder, name), maxBytes);
  };
  for (const folder of [...foldersAbove(projectDir), projectDir])
    add(folder, [...languageFiles, [slugIgnoreFile, maxControlFileBytes]]);
  add(
    projectDir,
    ["Procfile", buildpacksFile].map((name) => [name, maxControlFileBytes]),
  );
  add(
    projectDir,
    inlineScripts.map((name) => [name, 0]),
  );
  return files;
}

/** Buildpacks that an installation offers in addition to the bundled ones. */
export interface BuildpackOffer {
  readonly catalogue: BuildpackCatalogue;
  /** Name of the app's stack. */
  readonly stack: string;
  /** The catalogue's buildpack that matches the source's files; null for none. */
  readonly detected: CataloguedBuildpack | null;
}

const noOffer: BuildpackOffer = { catalogue: [], stack: "", detected: null };

/** @returns the names of the files that `planBuild` reads from any folder, each with its maximum size in bytes. */
export function scatteredFiles(projectDir: string): ReadonlyMap<string, number> {
  return projectDir === "" ? new Map() : workspaceFileNames;
}

/** @throws {SlipwayError} "build-failed" or "no-buildpack" with the change that the app needs before it can be built. */
export function planBuild(source: PlanSource, offer: BuildpackOffer = noOffer): BuildPlan {
  const projectDir = projectDirectory(source.variables);
  const read = (name: string) => source.captured.get(posix.join(projectDir, name));
  const exists = (name: string) =>
    read(name) !== undefined || source.oversized.has(posix.join(projectDir, name));
  const text = (name: string) => read(name)?.toString("utf8") ?? null;
  const { names, variables } = source;
  const listed = read(buildpacksFile) ?? (names.includes(buildpacksFile) ? "unreadable" : null);
  const { catalogue, stack, detected } = offer;
  const named = chosenBuildpacks({ variables, file: listed, catalogue, stack });
  if (named === null && detected !== null) checkStack(detected, stack);
  const buildpacks = named ?? (detected === null ? null : [detected.url]);
  if (buildpacks !== null) return { ...plainPlan(source), buildpacks, slugIgnore: text(slugIgnoreFile) };
  const chosen = variables["BUILDPACK_NAME"] ?? "";
  const choosesLanguage = languages.some(({ kind }) => kind === chosen);
  const inline = !choosesLanguage && inlineScripts.every(exists);
  const { captured, oversized } = source;
  const known = (path: string) => captured.has(path) || oversized.has(path);
  const monorepo = monorepoRoot(projectDir, { read: (path) => captured.get(path), exists: known });
  const { language, assets } = planLanguage(source, read, monorepo, inline);
  const folder = builtFolder(language?.kind, monorepo, projectDir);
  return {
    buildpacks: null,
    language,
    assets,
    languageRequired: !inline,
    monorepo,
    folder,
    procfile: text("Procfile"),
    slugIgnore: captured.get(posix.join(folder, slugIgnoreFile))?.toString("utf8") ?? null,
  };
}

/** @returns the plan of a source that is built without a planned language. */
export function plainPlan({ captured, variables }: PlanSource): BuildPlan {
  const procfile =
    captured.get(posix.join(projectDirectory(variables), "Procfile"))?.toString("utf8") ?? null;
  return {
    buildpacks: null,
    language: null,
    assets: null,
    languageRequired: false,
    monorepo: null,
    folder: projectDirectory(variables),
    procfile,
    slugIgnore: null,
  };
}

/**
 * @param plan its `monorepo` is relative to the build's source. @param installed whether the image of the build contains the
 * packages that build assets.
 * @returns the arguments of the build runner: the language's, the command that starts the app without a Procfile, the monorepo
 * in which it is a workspace, and the handling of the packages that build assets.
 */
export function runnerArguments(
  { language, monorepo, assets }: Pick<BuildPlan, "language" | "monorepo" | "assets">,
  { hasAssetPackages = false }: { readonly hasAssetPackages?: boolean } = {},
): readonly string[] {
  if (language === null) return [];
  return [
    ...language.runnerArguments,
    ...(language.web === null ? [] : [`web=${language.web}`]),
    ...(monorepo === null ? [] : [`monorepo=${monorepo}`]),
    ...(assets === null ? [] : [`assets=${hasAssetPackages ? "installed" : assetsMode(assets)}`]),
  ];
}

function assetsMode({ releasedOn }: NodePlan): string {
  return releasedOn === "dependencies" ? "kept" : "removed";
}
