// Dependencies: the base image of an app's files. It is cached by all inputs that determine an install's result, so an install runs only
// when one of them has changed. Input: the plan. Output: the image.

import { createHash } from "node:crypto";
import { posix } from "node:path";
import { entriesTar } from "@slipway/archive";
import type { ExtraEntry } from "@slipway/archive";
import { slugTransform } from "@slipway/buildpacks";
import type { Install } from "@slipway/buildpacks";
import type { ImageRegistry, Sandbox, Store } from "@slipway/core";
import type { RunningPhase } from "@slipway/deployments";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";
import { openBuildSandbox, runSandbox, workDir } from "../build-sandbox.ts";
import type { RunContext, SandboxContext } from "../build-sandbox.ts";
import { dependenciesTime, imageLabel } from "../former-image.ts";
import { heldPush } from "../held-writes.ts";
import { dependenciesRepository, releaseConfig } from "../release-image.ts";
import type { Plan } from "./plan.ts";

/** The content of an install: the packages for releases, or the packages for the build. */
type InstallMode = "production" | "all";
export type InstallContext = SandboxContext & RunContext;
export type DependenciesContext = InstallContext & {
  readonly registry: Pick<ImageRegistry, "host" | "inspect" | "push" | "tags" | "delete">;
  readonly store: Pick<Store, "releases">;
  readonly logger: Logger;
  readonly config: Pick<WorkerConfig, "releasesKept"> & {
    readonly limits: Pick<WorkerConfig["limits"], "imageBytes">;
  };
};

export interface Dependencies {
  /** Reference of the image by digest. */
  readonly image: string;
  /** The sandbox of the install, with the build cache to save; null when nothing was installed. */
  readonly sandbox: Sandbox | null;
}

/** Time limit for the removal of former dependencies. */
const removalMs = 10_000;
/** Must be increased when the same install results in another layer than before. */
const layerVersion = 1;

/** A plan whose dependencies are installed without the source. */
export interface Layered extends Pick<Plan, "assets"> {
  readonly language: NonNullable<Plan["language"]> & { readonly install: Install };
}

export function isLayered(plan: Plan): plan is Plan & Layered {
  const { language, assets } = plan;
  // Packages that build assets but need the source are installed in a complete build.
  const isApart = assets === null || assets.install !== null;
  return language !== null && language.install !== null && language.scripts !== "install" && isApart;
}

/** @throws {SlipwayError} the errors of a build, when the install fails. */
export function dependencies(
  context: DependenciesContext,
  attempt: Attempt,
  plan: Plan & Layered,
): Promise<Dependencies> {
  return attempt.lease.phase("dependencies", attempt.log, (phase) =>
    findOrInstall(context, attempt, plan, phase),
  );
}

async function findOrInstall(
  context: DependenciesContext,
  attempt: Attempt,
  plan: Plan & Layered,
  phase: Pick<RunningPhase, "reuse">,
): Promise<Dependencies> {
  const { registry, logger } = context;
  const { app, log, signal } = attempt;
  const { install, images } = plan.language;
  if (install.packageCount === 0) return { image: images.run, sandbox: null };
  const key = installKey([install.digest, images.build, images.run, plan.slugIgnore, app.cacheVersion]);
  const reference = `${registry.host}/${dependenciesRepository(app.id)}:${key}`;
  const kept = await registry.inspect(reference, signal, { isPushedIfAbsent: true });
  if (kept !== null) {
    log.line("-----> Dependencies have not changed: using those of an earlier deployment");
    phase.reuse("dependencies");
    return { image: kept.pinnedReference, sandbox: null };
  }
  await using owned = new AsyncDisposableStack();
  const sandbox = owned.use(await installDependencies(context, attempt, plan, "production"));
  const image = await pushDependencies(context, attempt, { sandbox, base: images.run, key, plan });
  await removeUnused(context, attempt, key).catch((error: unknown) =>
    logger.warn({ err: error, app: app.id }, "cannot remove images of former dependencies"),
  );
  signal.throwIfAborted();
  owned.move();
  return { image, sandbox };
}

/** @returns the sandbox in which the dependencies were installed. @throws {SlipwayError} the errors of a build. */
export async function installDependencies(
  context: InstallContext,
  attempt: Attempt,
  { language: { kind, install, builtOn }, assets }: Layered,
  mode: InstallMode,
): Promise<Sandbox> {
  async function* entries(control: AsyncIterable<ExtraEntry>): AsyncGenerator<ExtraEntry> {
    yield { kind: "directory", name: "build", mode: 0o755 };
    for (const [name, content] of install.files)
      yield { kind: "file", name: `build/${name}`, mode: 0o644, content };
    yield* control;
  }
  const open = async (control: AsyncIterable<ExtraEntry>) => entriesTar(entries(control), attempt.signal);
  await using owned = new AsyncDisposableStack();
  const sandbox = owned.use(
    await openBuildSandbox(context, attempt, {
      image: builtOn,
      runnerArguments: [
        "install",
        kind,
        mode,
        ...(install.workspace === null ? [] : [`workspace=${install.workspace}`]),
        // The cache also contains the cache of another package manager.
        ...(assets === null ? [] : ["assets=installed"]),
      ],
      sourceTime: dependenciesTime(install.digest),
      projectDir: "",
      usesCache: true,
      open,
    }),
  );
  await runSandbox(context, attempt, sandbox);
  owned.move();
  return sandbox;
}

async function pushDependencies(
  { registry, config }: DependenciesContext,
  { app, log, signal }: Attempt,
  made: {
    readonly sandbox: Sandbox;
    readonly base: string;
    readonly key: string;
    readonly plan: Plan & Layered;
  },
): Promise<string> {
  const { sandbox, base, key, plan } = made;
  const { kind, install } = plan.language;
  // In a monorepo, the install's container contains only the dependencies of its folders.
  const [from, folder] =
    install.workspace === null ? [`build/${install.folder}`, `${install.folder}/`] : ["build", ""];
  const layer = slugTransform({
    from: posix.basename(from),
    folder,
    ignore: plan.slugIgnore,
    maxSizeBytes: config.limits.imageBytes,
    mtime: new Date(dependenciesTime(key) * 1000),
  })(await sandbox.download(`${workDir}/${from}`, signal));
  const pushed = await registry.push(
    {
      repository: dependenciesRepository(app.id),
      tag: key,
      base,
      layers: [layer],
      config: releaseConfig({ web: "", labels: { [imageLabel.dependencies]: key }, languages: [kind] }),
      onHeld: () => log.line(heldPush),
    },
    signal,
  );
  return pushed.pinnedReference;
}

/** When there are more dependency images than releases to keep, removes those that no kept release is based on. */
async function removeUnused(
  { registry, store, config }: DependenciesContext,
  { app, signal }: Attempt,
  key: string,
): Promise<void> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(removalMs)]);
  const repository = dependenciesRepository(app.id);
  const keys = await registry.tags(repository, bounded);
  if (keys.length <= config.releasesKept) return;
  const releases = await store.releases.ofApp(app.id, config.releasesKept);
  const images = await Promise.all(releases.map(({ image }) => registry.inspect(image, bounded)));
  const used = new Set([key, ...images.map((image) => image?.config.labels[imageLabel.dependencies])]);
  for (const unused of keys.filter((one) => !used.has(one)))
    await registry.delete(repository, unused, bounded);
}

/** @param parts all inputs that determine the layer's content, and the value that a reset of the app's cache changes. */
export function installKey(parts: readonly unknown[]): string {
  return createHash("sha256")
    .update(JSON.stringify([layerVersion, ...parts]))
    .digest("hex");
}
