// Creates the SBOM of an image from the lock file that its dependencies were installed from.

import { posix } from "node:path";
import { projectDirectory } from "@slipway/buildpacks";
import { sbomBlobKey } from "@slipway/core";
import type { BlobStore } from "@slipway/core";
import { lockedPackages } from "@slipway/sbom";
import manifest from "../../package.json" with { type: "json" };
import type { Attempt } from "./attempt.ts";
import type { BuiltImage } from "./builders/builder.ts";
import type { Plan } from "./phases/plan.ts";

export interface SbomContext {
  readonly blobs: Pick<BlobStore, "put">;
}

/**
 * Stores the SBOM. A later build of the same image replaces it by an equal document.
 * @returns the document; null for an app without a lock file that can be read. The lock file of a monorepo lists the packages of all
 * its workspaces, so it cannot tell which packages one workspace uses.
 */
export async function storeSbom(
  { blobs }: SbomContext,
  { app, variables, signal }: Attempt,
  { plan, built }: { readonly plan: Plan; readonly built: BuiltImage },
): Promise<string | null> {
  const { language, monorepo, source } = plan;
  if (language === null || monorepo !== null) return null;
  const folder = projectDirectory(variables);
  const locked = lockedPackages(language.kind, (name) => source.captured.get(posix.join(folder, name)));
  if (locked === null) return null;
  const { billOfMaterials } = await import("@slipway/sbom/bill");
  const { digest: imageDigest } = built.image;
  const text = billOfMaterials({
    version: manifest.version,
    imageName: `apps/${app.id}`,
    imageDigest,
    locked,
  });
  await blobs.put(sbomBlobKey(app.id, imageDigest), oneChunk(text), { signal });
  return text;
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
