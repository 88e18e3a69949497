// Decides from a source's control files how it is built, before any of its code runs.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import { foldersAbove, monorepoRoot } from "./node/monorepo.ts";
import { workspaceFileNames } from "./node/workspace-files.ts";
import type { Monorepo } from "./language.ts";
import { type LanguagePlan, languages } from "./languages.ts";
import type { BuildpackUrl } from "./remote/buildpack-url.ts";
import { type BuildpackCatalogue, type CataloguedBuildpack, checkStack } from "./remote/catalogue.ts";
import { chosenBuildpacks } from "./remote/chosen-buildpacks.ts";

/** What a plan is made from: the source's control files, and the names beside them. */
export interface PlanSource {
  /** Content of control files by path. */
  readonly captured: ReadonlyMap<string, Buffer>;
  /** Control files that exist, but are larger than their maximum size. */
  readonly oversized: ReadonlySet<string>;
  /** Names in the project directory; those of folders end with a slash. */
  readonly names: readonly string[];
  /** Files that an install in a monorepo may read, by path; null when they are not all known. */
  readonly scattered?: ReadonlyMap<string, Buffer> | null;
  /** Links in the source; null when they are not all known. */
  readonly links?: readonly Link[] | null;
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

interface Link {
  readonly path: string;
  readonly target: string;
  readonly leadsToFile: boolean;
}

export interface BuildPlan {
  /** All that build the app, in order; null when the bundled ones do. */
  readonly buildpacks: readonly BuildpackUrl[] | null;
  /** Null when the build needs no toolchain. */
  readonly language: LanguagePlan | null;
  /** Whether a toolchain that cannot be had fails the build: not of an app that may be its own buildpack. */
  readonly languageRequired: boolean;
  /** Path in the source of the monorepo whose workspace is built, "" for the source itself; null for any other app. */
  readonly monorepo: string | null;
  /** Folder of the source that alone is built: the monorepo, or the folder that PROJECT_DIR names; "" for the source itself. */
  readonly folder: string;
  readonly procfile: string | null;
  readonly slugIgnore: string | null;
}

/** Scripts that an app has which is its own buildpack. */
const inlineScripts = ["bin/detect", "bin/compile"];
const buildpacksFile = ".buildpacks";
const slugIgnoreFile = ".slugignore";
const maxControlFileBytes = 64 * 1024;

const languageFiles = new Map(languages.flatMap(({ controlFiles: files }) => [...files]));

/** @returns the folder that PROJECT_DIR names, relative to the source; "" for the source itself. */
export function projectDirectory({ PROJECT_DIR: given = "" }: Readonly<Record<string, string>>): string {
  const path = posix.normalize(given).replace(/^\/+|\/+$/g, "");
  return path === "." || path === ".." || path.startsWith("../") ? "" : path;
}

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

/** What an installation offers besides the bundled buildpacks. */
export interface BuildpackOffer {
  readonly catalogue: BuildpackCatalogue;
  /** Name of the app's stack. */
  readonly stack: string;
  /** The catalogue's buildpack that the source's files chose; null for none. */
  readonly detected: CataloguedBuildpack | null;
}

const noOffer: BuildpackOffer = { catalogue: [], stack: "", detected: null };

/** @returns the names of the files that `planBuild` reads wherever they are, each with its maximum size in bytes. */
export function scatteredFiles(projectDir: string): ReadonlyMap<string, number> {
  return projectDir === "" ? new Map() : workspaceFileNames;
}

/** @throws {SlipwayError} "build-failed", "no-buildpack" when the app cannot be built, with what to change. */
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
  const language = planLanguage(source, read, monorepo, inline);
  const folder = builtFolder(language?.kind, monorepo, projectDir);
  return {
    buildpacks: null,
    language,
    languageRequired: !inline,
    monorepo,
    folder,
    procfile: text("Procfile"),
    slugIgnore: captured.get(posix.join(folder, slugIgnoreFile))?.toString("utf8") ?? null,
  };
}

/** Only Node.js has monorepos: an app in another language may be a folder of one. */
function builtFolder(
  language: LanguagePlan["kind"] | undefined,
  monorepo: string | null,
  projectDir: string,
): string {
  return language === "nodejs" ? (monorepo ?? projectDir) : projectDir;
}

/** @returns the plan of a source that is built without a language of the plan's. */
export function plainPlan({ captured, variables }: PlanSource): BuildPlan {
  const procfile =
    captured.get(posix.join(projectDirectory(variables), "Procfile"))?.toString("utf8") ?? null;
  return {
    buildpacks: null,
    language: null,
    languageRequired: false,
    monorepo: null,
    folder: projectDirectory(variables),
    procfile,
    slugIgnore: null,
  };
}

/**
 * @param plan its `monorepo` is relative to the source that the build gets.
 * @returns the arguments of the build runner: those of the language, the command that starts the app without a Procfile, and the
 * monorepo that it is a workspace of.
 */
export function runnerArguments({
  language,
  monorepo,
}: Pick<BuildPlan, "language" | "monorepo">): readonly string[] {
  if (language === null) return [];
  return [
    ...language.runnerArguments,
    ...(language.web === null ? [] : [`web=${language.web}`]),
    ...(monorepo === null ? [] : [`monorepo=${monorepo}`]),
  ];
}

/** Whether the project directory has a control file, or a link in its place. */
export function controlFileExists(
  { captured, oversized, links = null, variables }: PlanSource,
  name: string,
): boolean {
  const path = posix.join(projectDirectory(variables), name);
  return captured.has(path) || oversized.has(path) || (links ?? []).some((link) => link.path === path);
}

/** Of the root of a monorepo only the control files are known. */
function rootOf(
  { captured, oversized, scattered = null, links = null, variables }: PlanSource,
  root: string | null,
): Monorepo | null {
  if (root === null) return null;
  const pathOf = (name: string) => posix.join(root, name);
  // A link to a folder may lead to further manifests.
  const isKnown = scattered !== null && links !== null && links.every(({ leadsToFile }) => leadsToFile);
  const below = (path: string) =>
    root === "" || path.startsWith(`${root}/`) ? [posix.relative(root, path)] : [];
  return {
    workspace: posix.relative(root, projectDirectory(variables)),
    files: isKnown
      ? new Map([...scattered].flatMap(([path, content]) => below(path).map((name) => [name, content])))
      : null,
    read: (name) => captured.get(pathOf(name)),
    names: [...languageFiles.keys()].filter(
      (name) => captured.has(pathOf(name)) || oversized.has(pathOf(name)),
    ),
  };
}

/** Whether no link in the folder that is built leads out of it. */
function standsAlone({ links = null }: PlanSource, folder: string): boolean {
  if (folder === "") return true;
  const isInside = (path: string) => path.startsWith(`${folder}/`);
  return links !== null && links.every(({ path, target }) => !isInside(path) || isInside(target));
}

function planLanguage(
  source: PlanSource,
  read: (name: string) => Buffer | undefined,
  root: string | null,
  inline: boolean,
): LanguagePlan | null {
  const { names, variables } = source;
  const chosen = variables["BUILDPACK_NAME"] ?? "";
  if (chosen === "inline" && !inline) return null;
  const exists = (name: string) => controlFileExists(source, name);
  const app = { read, exists, names, variables, monorepo: rootOf(source, root), ownBuildpack: inline };
  const language = languages.find(
    ({ kind, detects }) => ["", "inline", kind].includes(chosen) && detects(names, app),
  );
  if (language === undefined) return null;
  const plan = () => language.plan(app);
  const folder = builtFolder(language.kind, root, projectDirectory(variables));
  if (!inline) return standsAlone(source, folder) ? plan() : { ...plan(), install: null };
  try {
    // Its own bin/release says what serves.
    return { ...plan(), releasedOn: "dependencies", install: null, runnerArguments: [] };
  } catch (error) {
    // The app's own bin/detect decides whether this is an app of the language at all.
    if (error instanceof SlipwayError && error.fault === "user") return null;
    throw error;
  }
}
