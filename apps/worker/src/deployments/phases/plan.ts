// Plan: checks the source and decides how it is built, from its control files alone. Needs the source; yields the plan.

import { scanSource } from "@slipway/archive";
import type { SourceFacts } from "@slipway/archive";
import { controlFiles, planBuild, projectDirectory } from "@slipway/buildpacks";
import type { BuildPlan, NodePlan } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";
import type { NodeImages, NodeToolchains } from "../node-toolchains.ts";
import type { FetchedSource } from "./fetch.ts";

export interface PlanContext {
  readonly nodeToolchains: NodeToolchains;
  readonly config: { readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries"> };
}

export interface Plan extends BuildPlan {
  readonly source: SourceFacts;
  /** With the images that contain its toolchain. Null when the build needs no Node.js. */
  readonly node: (NodePlan & { readonly images: NodeImages }) | null;
}

/** @throws {SlipwayError} "archive-invalid", "archive-too-large", "build-failed", "toolchain-unavailable". */
export async function plan(context: PlanContext, attempt: Attempt, fetched: FetchedSource): Promise<Plan> {
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
  { log, signal }: Attempt,
  { node, nodeRequired }: BuildPlan,
): Promise<Plan["node"]> {
  if (node === null) return null;
  const choice = await nodeToolchains.choose(node.node, signal).catch((error: unknown) => {
    if (!nodeRequired && error instanceof SlipwayError && error.fault === "user") return null;
    throw error;
  });
  if (choice === null) return null;
  for (const warning of node.warnings) log.line(` !     ${warning}`);
  log.line(`-----> Using Node.js ${choice.version} and npm ${choice.npmVersion}`);
  for (const line of choice.lines) log.line(`       ${line}`);
  for (const warning of choice.warnings) log.line(` !     ${warning}`);
  return { ...node, images: await nodeToolchains.images(choice, signal) };
}
