// Reads the operator's buildpack catalogue at the start of a worker, so that mistakes in the catalogue are reported then.

import { readFile } from "node:fs/promises";
import { bundledBuildpacks, parseCatalogue } from "@slipway/buildpacks";
import type { BuildpackCatalogue } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { WorkerConfig } from "../config.ts";

export interface CatalogueConfig {
  readonly build: Pick<WorkerConfig["build"], "cataloguePath">;
  readonly stacks: readonly Pick<WorkerConfig["stacks"][number], "name">[];
}

/**
 * @returns an empty catalogue without the setting.
 * @throws {SlipwayError} "configuration-invalid" when the file cannot be read or used, or names a stack that does not exist.
 */
export async function readCatalogue({ build, stacks }: CatalogueConfig): Promise<BuildpackCatalogue> {
  const path = build.cataloguePath;
  if (path === undefined) return [];
  const catalogue = parseCatalogue(await textOf(path), bundledBuildpacks().names);
  const known = stacks.map(({ name }) => name);
  for (const { name, stacks: wanted } of catalogue)
    if (wanted.length > 0 && !wanted.some((stack) => known.includes(stack)))
      throw invalid(
        `${path}: ${name} needs the stack ${wanted.join(" or ")}, and STACK_NAME and STACKS have only ${known.join(", ")}`,
      );
  return catalogue;
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw invalid(
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown reason"})`,
      error,
    );
  }
}

function invalid(problem: string, cause?: unknown): SlipwayError {
  return new SlipwayError("configuration-invalid", `BUILDPACKS: ${problem}`, { cause });
}
