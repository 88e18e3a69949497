// Plan: checks the source and decides how it is built, from its control files alone. Needs the source; yields the plan.

import { scanSource } from "@slipway/archive";
import type { SourceFacts } from "@slipway/archive";
import { controlFiles, planBuild, projectDirectory } from "@slipway/buildpacks";
import type { BuildPlan, NodePlan } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";
import type { NodeImages, NodeToolchains, ToolchainChoice } from "../node-toolchains.ts";
import type { FetchedSource } from "./fetch.ts";

export interface PlanContext {
  readonly nodeToolchains: NodeToolchains;
  readonly config: { readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries"> };
}

type PlanAttempt = Pick<Attempt, "variables" | "signal"> & { readonly log: Pick<Attempt["log"], "line"> };

export interface Plan extends BuildPlan {
  readonly source: SourceFacts;
  /** With the images that contain its toolchain. Null when the build needs no Node.js. */
  readonly node: (NodePlan & { readonly images: NodeImages }) | null;
}

/** @throws {SlipwayError} "archive-invalid", "archive-too-large", "build-failed", "toolchain-unavailable". */
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
    capture: controlFiles(folder),
    folder,
    signal,
  });
  const { entryCount, sizeBytes } = source;
  log.line(`       Unpacked ${entryCount} files, ${(sizeBytes / 1024 / 1024).toFixed(1)} MiB`);
  const planned = planBuild({ ...source, variables });
  return { ...planned, source, node: await withToolchain(context, attempt, planned) };
}

async function withToolchain(
  { nodeToolchains }: PlanContext,
  { log, signal }: PlanAttempt,
  { node, nodeRequired }: BuildPlan,
): Promise<Plan["node"]> {
  if (node === null) return null;
  try {
    const choice = await nodeToolchains.choose(node, signal);
    for (const warning of node.warnings) log.line(` !     ${warning}`);
    logChoice(log, choice);
    return { ...node, images: await nodeToolchains.images(choice, signal) };
  } catch (error) {
    if (nodeRequired || signal.aborted || !(error instanceof SlipwayError)) throw error;
    // An app that is its own buildpack may have a package.json without needing Node.js.
    log.line(` !     Node.js is not part of this build: ${error.message}`);
    return null;
  }
}

function logChoice(log: PlanAttempt["log"], choice: ToolchainChoice): void {
  const { node, packageManager, startedPackageManager } = choice;
  const manager = packageManager ?? { name: "npm", version: node.npmVersion };
  log.line(`-----> Using Node.js ${node.version} and ${manager.name} ${manager.version}`);
  const others = new Set([packageManager, startedPackageManager].filter((one) => one !== null));
  for (const { lines, warnings } of [node, ...others]) {
    for (const line of lines) log.line(`       ${line}`);
    for (const warning of warnings) log.line(` !     ${warning}`);
  }
  if (startedPackageManager !== null)
    log.line(
      `       ${startedPackageManager.name} is part of the image, because the app's processes call it`,
    );
}
