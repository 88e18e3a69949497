// Plan: checks the source and decides how to build it, from its control files alone. Input: the source. Output: the plan.

import { scanSource } from "@slipway/archive";
import type { SourceFacts } from "@slipway/archive";
import {
  assetsError,
  chooseBuilder,
  controlFiles,
  descriptorControlFiles,
  dockerfileControlFiles,
  languageTitles,
  plainPlan,
  planBuild,
  projectDirectory,
  scatteredFiles,
} from "@slipway/buildpacks";
import type { BuildpackCatalogue, BuildPlan, LanguagePlan, NodePlan } from "@slipway/buildpacks";
import { SlipwayError, mebibytesText } from "@slipway/core";
import type { SourceBuilder } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt, Labelled } from "../attempt.ts";
import { chooseToolchain } from "../language-toolchains.ts";
import type { ChosenToolchain, LanguageToolchains } from "../language-toolchains.ts";
import type { ToolchainImages } from "../toolchain-images.ts";
import type { FetchedSource } from "./fetch.ts";

export interface PlanContext {
  readonly toolchains: LanguageToolchains;
  /** The operator's buildpacks. */
  readonly catalogue: BuildpackCatalogue;
  readonly config: Pick<WorkerConfig, "builders" | "cnbBuilder" | "stackName"> & {
    readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries">;
  };
}

type PlanAttempt = Pick<Attempt, "variables" | "signal"> &
  Labelled & {
    readonly app: Pick<Attempt["app"], "builder" | "builderImage">;
    readonly log: Pick<Attempt["log"], "line">;
  };

export interface Plan extends BuildPlan {
  readonly builder: SourceBuilder;
  readonly source: SourceFacts;
  /** Null when the build needs no toolchain. */
  readonly language: LanguageWithToolchain | null;
}

/** The language plan with its toolchain and the toolchain of its assets: the images that contain them, and versions by program name. */
type LanguageWithToolchain = LanguagePlan &
  Pick<ChosenToolchain, "versions"> & {
    readonly images: ToolchainImages;
    /** The image that installs and builds run on: the toolchain's image, or an image with the packages that build assets. */
    readonly builtOn: string;
  };

const emptyToolchain = { layers: [], path: [] };

/** @throws {SlipwayError} "archive-invalid", "archive-too-large", "no-buildpack", "build-failed", "toolchain-unavailable". */
export async function plan(
  context: PlanContext,
  attempt: PlanAttempt,
  fetched: Pick<FetchedSource, "open">,
): Promise<Plan> {
  const { limits } = context.config;
  const { variables, log, signal } = attempt;
  const folder = projectDirectory(variables);
  await using archive = await fetched.open();
  const source = await scanSource(archive, {
    limits: { maxUnpackedBytes: limits.sourceBytes, maxEntries: limits.sourceEntries },
    capture: new Map([
      ...controlFiles(folder),
      ...descriptorControlFiles(variables),
      ...dockerfileControlFiles(variables),
    ]),
    captureAnywhere: scatteredFiles(folder),
    folder,
    signal,
  });
  const { fileCount, sizeBytes } = source;
  log.line(
    `       Unpacked ${fileCount} ${fileCount === 1 ? "file" : "files"}, ${mebibytesText(sizeBytes, "tenths")}`,
  );
  const { catalogue } = context;
  const { builders: allowed, cnbBuilder = null, stackName: stack } = context.config;
  const { builder, builderImage } = attempt.app;
  const offer = { allowed, cnbBuilder, builderImage, catalogue };
  const { kind, reason, detected = null } = chooseBuilder(builder, offer, { ...source, variables });
  log.line(`-----> Building with ${kind}, because ${reason}`);
  if (kind !== "buildpacks")
    return { ...plainPlan({ ...source, variables }), builder: kind, source, language: null };
  const planned = planBuild({ ...source, variables }, { catalogue, stack, detected });
  return { ...planned, builder: kind, source, language: await withToolchain(context, attempt, planned) };
}

async function withToolchain(
  { toolchains }: PlanContext,
  attempt: PlanAttempt,
  { language, languageRequired, assets }: BuildPlan,
): Promise<Plan["language"]> {
  if (language === null) return null;
  const { log, signal } = attempt;
  const work = { say: (line: string) => log.line(line) };
  try {
    const toolchain = await chooseToolchain(toolchains, language, signal, work);
    for (const warning of language.warnings) log.line(` !     ${warning}`);
    for (const line of toolchain.lines) log.line(line);
    const beside = assets === null ? null : await assetsToolchain(toolchains, attempt, { language, assets });
    const images = await toolchain.images(signal, beside?.toolchains ?? null);
    const versions = { ...toolchain.versions, ...beside?.versions };
    return { ...language, versions, images, builtOn: images.build };
  } catch (error) {
    if (languageRequired || signal.aborted || !(error instanceof SlipwayError)) throw error;
    // An app that is its own buildpack may have a package.json without using Node.js.
    log.line(` !     ${languageTitles[language.kind]} is not part of this build: ${error.message}`);
    return null;
  }
}

/** The toolchain of Node.js, in addition to another language's toolchain. A release contains it only if its processes call Node.js. */
async function assetsToolchain(
  toolchains: LanguageToolchains,
  { log, signal }: PlanAttempt,
  { language, assets }: { readonly language: LanguagePlan; readonly assets: NodePlan },
): Promise<Pick<ChosenToolchain, "toolchains" | "versions">> {
  const work = { say: (line: string) => log.line(line) };
  const chosen = await chooseToolchain(toolchains, assets, signal, work).catch((error: unknown) => {
    throw assetsError(error, languageTitles[language.kind]);
  });
  for (const warning of assets.warnings) log.line(` !     ${warning}`);
  for (const line of chosen.lines) log.line(line);
  const isReleased = assets.releasedOn === "dependencies";
  log.line(
    isReleased
      ? "       Node.js is part of the build and of the release, because the Procfile calls it"
      : "       Node.js is part of the build only: package.json builds assets",
  );
  const { build, run } = chosen.toolchains;
  return { versions: chosen.versions, toolchains: { build, run: isReleased ? run : emptyToolchain } };
}
