// Creates the SBOM of an image, from its source's lock files or from the package lists in the image.

import { posix } from "node:path";
import { projectDirectory } from "@slipway/buildpacks";
import { sbomBlobKey } from "@slipway/core";
import type { BlobStore } from "@slipway/core";
import { lockedPackages, lockedWorkspace, lockLanguages } from "@slipway/lock-files";
import type { LockedPackages } from "@slipway/lock-files";
import manifest from "../../package.json" with { type: "json" };
import type { Attempt } from "./attempt.ts";
import type { BuiltImage } from "./builders/builder.ts";
import type { ImagePackages } from "./image-packages.ts";
import type { Plan } from "./phases/plan.ts";

export interface SbomContext {
  readonly blobs: Pick<BlobStore, "put">;
  readonly imagePackages: ImagePackages;
}

type SourcePlan = Pick<Plan, "builder" | "language" | "assets" | "monorepo" | "buildpacks"> & {
  readonly source: Pick<Plan["source"], "captured">;
};

interface MadeImage {
  readonly image: Pick<BuiltImage["image"], "digest" | "pinnedReference">;
}

/**
 * Stores the SBOM of an image that buildpacks built. A later build of the same image replaces it by an equal document.
 * @returns the document; null for an app without a readable lock file.
 */
export function storeSbom(
  context: SbomContext,
  attempt: Attempt,
  { plan, built }: { readonly plan: Plan; readonly built: MadeImage },
): Promise<string | null> {
  return store(context, attempt, built, sourcePackages(plan, projectDirectory(attempt.variables)));
}

/**
 * Stores the SBOM of an image that contains its own distribution, by reading the image's layers.
 * @param plan the plan of its source; null for an image that was built elsewhere.
 * @returns the document; null when neither the image nor the source lists packages.
 * @throws {SlipwayError} "registry-unavailable".
 */
export async function storeImageSbom(
  context: SbomContext,
  attempt: Pick<Attempt, "app" | "variables" | "signal">,
  { plan, built }: { readonly plan: Plan | null; readonly built: MadeImage },
): Promise<string | null> {
  const { variables, signal } = attempt;
  const installed = await context.imagePackages(built.image.pinnedReference, signal);
  const ofSource = plan === null ? null : sourcePackages(plan, projectDirectory(variables));
  return await store(context, attempt, built, installed ?? ofSource);
}

async function store(
  { blobs }: SbomContext,
  { app, signal }: Pick<Attempt, "app" | "signal">,
  { image: { digest: imageDigest } }: MadeImage,
  locked: LockedPackages | null,
): Promise<string | null> {
  if (locked === null) return null;
  const { billOfMaterials } = await import("@slipway/sbom/bill");
  const text = billOfMaterials({
    version: manifest.version,
    imageName: `apps/${app.id}`,
    imageDigest,
    locked,
  });
  await blobs.put(sbomBlobKey(app.id, imageDigest), oneChunk(text), { signal });
  return text;
}

/** @param folder the app's folder in its source. @returns the packages of the plan's lock files; null when there are none. */
export function sourcePackages(plan: SourcePlan, folder: string): LockedPackages | null {
  const { language, assets, monorepo, source } = plan;
  const below = (path: string) => (name: string) => source.captured.get(posix.join(path, name));
  if (language?.kind === "nodejs" && monorepo !== null) {
    const manager = language.packageManager?.name ?? "npm";
    return lockedWorkspace(manager, posix.relative(monorepo, folder), below(monorepo));
  }
  if (language !== null)
    return lockedPackages(
      [language, assets].flatMap((one) => one?.kind ?? []),
      below(folder),
    );
  const isBundled = plan.builder === "buildpacks" && plan.buildpacks === null;
  if (isBundled) return null;
  const locked = lockedPackages(lockLanguages, below(folder));
  // Such builds may install any packages: no plan says which files they read.
  return locked === null ? null : { ...locked, isComplete: false };
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
