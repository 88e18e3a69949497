// Decides an app's language, how it is built, and whether Node.js builds its assets.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import type { LanguageSource, Monorepo } from "./language.ts";
import { type LanguagePlan, languages, languageTitles } from "./languages.ts";
import { assetsError, planAssets } from "./node/assets.ts";
import type { NodePlan } from "./node/plan.ts";
import { controlFileExists, type PlanSource, projectDirectory } from "./plan-source.ts";

/** The files that the plans of languages read, with their maximum sizes in bytes. */
export const languageFiles: ReadonlyMap<string, number> = new Map(
  languages.flatMap(({ controlFiles: files }) => [...files]),
);

export interface PlannedLanguage {
  /** Null when the build needs no toolchain. */
  readonly language: LanguagePlan | null;
  /** Node.js for the assets of an app in another language, which its package.json builds; null for any other app. */
  readonly assets: NodePlan | null;
}

const noLanguage: PlannedLanguage = { language: null, assets: null };

/**
 * @param read reads a control file of the project directory. @param root the root of the app's monorepo; null for none.
 * @param inline whether the app is its own buildpack. @throws {SlipwayError} "build-failed" when the app cannot be built.
 */
export function planLanguage(
  source: PlanSource,
  read: (name: string) => Buffer | undefined,
  root: string | null,
  inline: boolean,
): PlannedLanguage {
  const { names, variables } = source;
  const chosen = variables["BUILDPACK_NAME"] ?? "";
  if (chosen === "inline" && !inline) return noLanguage;
  const exists = (name: string) => controlFileExists(source, name);
  const app = { read, exists, names, variables, monorepo: rootOf(source, root), ownBuildpack: inline };
  const language = languages.find(
    ({ kind, detects }) => ["", "inline", kind].includes(chosen) && detects(names, app),
  );
  if (language === undefined) return noLanguage;
  const plan = () => language.plan(app);
  const folder = builtFolder(language.kind, root, projectDirectory(variables));
  if (!inline) {
    const planned = withAssets(plan(), { ...app, monorepo: null });
    return standsAlone(source, folder) ? planned : withoutInstalls(planned);
  }
  try {
    // Its own bin/release defines what is served.
    return {
      ...noLanguage,
      language: { ...plan(), releasedOn: "dependencies", install: null, runnerArguments: [] },
    };
  } catch (error) {
    // The app's own bin/detect decides whether this is an app of the language.
    if (error instanceof SlipwayError && error.fault === "user") return noLanguage;
    throw error;
  }
}

/** @returns the folder of the source that is built. Only Node.js has monorepos; an app in another language may be in a folder of one. */
export function builtFolder(
  language: LanguagePlan["kind"] | undefined,
  monorepo: string | null,
  projectDir: string,
): string {
  return language === "nodejs" ? (monorepo ?? projectDir) : projectDir;
}

function withAssets(language: LanguagePlan, app: LanguageSource): PlannedLanguage {
  if (language.kind === "nodejs") return { language, assets: null };
  const { assets, warnings } = assetsOf(app, language);
  const warned = { ...language, warnings: [...language.warnings, ...warnings] };
  if (assets === null) return { language: warned, assets };
  const { install, scripts } = language;
  return {
    language: {
      ...warned,
      // Packages in folders of the source are part of the app.
      install: install?.packageCount === 0 ? null : install,
      scripts: scripts === "none" ? "build" : scripts,
    },
    assets,
  };
}

function assetsOf(app: LanguageSource, language: LanguagePlan): ReturnType<typeof planAssets> {
  try {
    return planAssets(app, language);
  } catch (error) {
    throw assetsError(error, languageTitles[language.kind]);
  }
}

function withoutInstalls({ language, assets }: PlannedLanguage): PlannedLanguage {
  return {
    language: language === null ? null : { ...language, install: null },
    assets: assets === null ? null : { ...assets, install: null },
  };
}

/** The root of a monorepo, with its control files. */
function rootOf(
  { captured, oversized, scattered = null, links = null, variables }: PlanSource,
  root: string | null,
): Monorepo | null {
  if (root === null) return null;
  const pathOf = (name: string) => posix.join(root, name);
  const exists = (path: string) =>
    captured.has(path) || oversized.has(path) || (links ?? []).some((link) => link.path === path);
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
    names: [...languageFiles.keys()].filter((name) => exists(pathOf(name))),
  };
}

/** Whether no link in the built folder leads out of it. */
function standsAlone({ links = null }: PlanSource, folder: string): boolean {
  if (folder === "") return true;
  const isInside = (path: string) => path.startsWith(`${folder}/`);
  return links !== null && links.every(({ path, target }) => !isInside(path) || isInside(target));
}
