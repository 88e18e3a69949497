// The image that a build with scripts runs on: the toolchain with the app's dependencies, including devDependencies. It is a snapshot on
// the worker's engine, created by the first build with these dependencies and used by later ones.

import type { BuildEngine, Sandbox, SnapshotName } from "@slipway/core";
import type { RunningPhase } from "@slipway/deployments";
import type { Attempt } from "./attempt.ts";
import { saveCache } from "./cache.ts";
import { installDependencies, installKey } from "./phases/dependencies.ts";
import type { InstallContext, Layered } from "./phases/dependencies.ts";
import type { Plan } from "./phases/plan.ts";

export type BuildImageContext = InstallContext & {
  readonly engine: Pick<BuildEngine, "findSnapshot">;
};

export interface BuildImage {
  readonly image: string;
  /** Digest of all inputs that determine the image's content. */
  readonly key: string;
}

/**
 * @param installed the sandbox of an install for the release, which the build can use as well; null for none.
 * @throws {SlipwayError} the errors of a build, when the install fails.
 */
export function buildImage(
  context: BuildImageContext,
  attempt: Attempt,
  plan: Layered,
  installed: Sandbox | null,
): Promise<BuildImage> {
  return attempt.lease.phase("build-dependencies", attempt.log, (phase) =>
    findOrSnapshot(context, attempt, { ...plan, installed }, phase),
  );
}

async function findOrSnapshot(
  context: BuildImageContext,
  attempt: Attempt,
  { installed, ...plan }: Layered & { readonly installed: Sandbox | null },
  phase: Pick<RunningPhase, "reuse">,
): Promise<BuildImage> {
  const { app, log, signal } = attempt;
  const { language } = plan;
  const key = buildKey(plan);
  if (language.install.packageCount === 0) return { image: language.builtOn, key };
  const name: SnapshotName = { appId: app.id, cacheVersion: app.cacheVersion, key };
  const kept = await context.engine.findSnapshot(name, signal);
  if (kept !== null) {
    log.line("-----> Dependencies of the build have not changed: using those of an earlier deployment");
    phase.reuse("build-dependencies");
    return { image: kept, key };
  }
  await using owned = new AsyncDisposableStack();
  const sandbox = installed ?? owned.use(await installDependencies(context, attempt, plan, "all"));
  // One after the other: if one fails, the sandbox is disposed, and the other could no longer read it.
  const image = await sandbox.snapshot(name, signal);
  await saveCache(context, attempt, sandbox);
  return { image, key };
}

/**
 * Returns the plan with the image that its build runs on. If Node.js builds the app's assets, and their packages are installed without the
 * source, this image is a snapshot with these packages. They are installed as in a Node.js app. Their layer is below the packages of the
 * app's own language, so a change of composer.lock causes no install by npm. After a change of package-lock.json, the packages of
 * composer.lock are installed again, from the cache, but only for the build.
 * @throws {SlipwayError} the errors of a build, when the install fails.
 */
export async function onAssets<P extends Plan>(
  context: BuildImageContext,
  attempt: Attempt,
  plan: P,
): Promise<{ readonly plan: P; readonly hasAssetPackages: boolean }> {
  const { assets, language } = plan;
  if (assets === null || language === null || assets.install === null)
    return { plan, hasAssetPackages: false };
  const { images, versions } = language;
  const ofAssets = { ...assets, install: assets.install, images, versions, builtOn: images.build };
  const { image: builtOn } = await buildImage(context, attempt, { language: ofAssets, assets }, null);
  return { plan: { ...plan, language: { ...language, builtOn } }, hasAssetPackages: true };
}

/** @returns the digest of all inputs that determine a build's dependencies. */
export function buildKey({ language: { install, builtOn } }: Layered): string {
  // A snapshot's name contains its key.
  return installKey([install.digest, builtOn]);
}
