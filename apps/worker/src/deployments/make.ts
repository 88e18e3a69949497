// The ways to turn a source into an image's files: unchanged, by a build on its dependencies, or by a complete build.

import { createHash } from "node:crypto";
import { sourceTar } from "@slipway/archive";
import { appOf, runnerArguments } from "@slipway/buildpacks";
import type { ByteStream, Sandbox } from "@slipway/core";
import type { Attempt } from "./attempt.ts";
import { buildImage, buildKey, onAssets } from "./build-image.ts";
import type { BuildImageContext } from "./build-image.ts";
import { workDir } from "./build-sandbox.ts";
import { type FormerImage, sourceTime } from "./former-image.ts";
import { type Built, build, builtFromPlan } from "./phases/build.ts";
import { dependencies, isLayered } from "./phases/dependencies.ts";
import type { DependenciesContext, Layered } from "./phases/dependencies.ts";
import { fetchBuildpacks } from "./phases/fetch-buildpacks.ts";
import type { FetchBuildpacksContext } from "./phases/fetch-buildpacks.ts";
import type { FetchedSource } from "./phases/fetch.ts";
import type { Plan } from "./phases/plan.ts";
import type { AppFiles } from "./phases/push.ts";
import { unpack } from "./phases/unpack.ts";
import type { UnpackContext } from "./phases/unpack.ts";
import { unlessSnapshotRemoved } from "./removed-snapshot.ts";

export type MakeContext = DependenciesContext & BuildImageContext & UnpackContext & FetchBuildpacksContext;

interface Input<P extends Plan = Plan> {
  readonly fetched: FetchedSource;
  readonly plan: P;
  readonly former: FormerImage | null;
  /** Whether the image that the build runs on has the packages that build assets. */
  readonly hasAssetPackages: boolean;
}

/** The files of an image. They exist until the result is disposed. */
interface Made extends AsyncDisposable {
  /** The build, which may not have ended yet. */
  readonly built: Built;
  readonly files: AppFiles;
  /** The sandbox with the build cache to save; null when there is none. */
  readonly sandbox: Sandbox | null;
}

/** Folders among the dependencies in which tools keep caches. Releases do not contain them. */
const toolCaches = /^\.(cache|vite|vite-temp)(\/|$)/;

/** @throws {SlipwayError} the errors of a build. */
export async function make(
  context: MakeContext,
  attempt: Attempt,
  input: Omit<Input, "hasAssetPackages">,
): Promise<Made> {
  const onSnapshots = async () => {
    const assets = await onAssets(context, attempt, input.plan);
    return makeOnAssets(context, attempt, { ...input, ...assets });
  };
  return unlessSnapshotRemoved(onSnapshots, () => {
    attempt.log.line(
      " !     The dependencies of the build were removed meanwhile, so they are installed again",
    );
    return fromBuild(context, attempt, { ...input, hasAssetPackages: false });
  });
}

async function makeOnAssets(
  context: MakeContext,
  attempt: Attempt,
  { plan, ...input }: Input,
): Promise<Made> {
  if (!isLayered(plan)) return fromBuild(context, attempt, { ...input, plan });
  if (plan.language.scripts === "none") return fromSource(context, attempt, { ...input, plan });
  const key = buildKey(plan);
  if (input.former?.changedDependencies === key) return fromBuild(context, attempt, { ...input, plan }, key);
  const made = await fromLayers(context, attempt, { ...input, plan });
  if (made !== null) return made;
  const { folder } = plan.language.install;
  attempt.log.line(` !     The build changes ${folder}, so it begins again with an install of its own`);
  return fromBuild(context, attempt, { ...input, plan }, key);
}

/**
 * Makes the image's files from the unchanged source, on top of the dependencies. No code of the app runs, unless dependencies have to be
 * installed.
 */
async function fromSource(
  context: MakeContext,
  attempt: Attempt,
  { fetched, plan, former }: Input<Plan & Layered>,
): Promise<Made> {
  const { limits } = context.config;
  const built = builtFromPlan(attempt, plan);
  logProjectFolder(attempt, plan);
  await using opened = new AsyncDisposableStack();
  const { image: base, sandbox } = await dependencies(context, attempt, plan);
  if (sandbox !== null) opened.use(sandbox);
  const inputs = digestOf([plan.source.digest, base]);
  const resources = opened.move();
  const open = async () =>
    sourceTar(resources.use(await fetched.open()), {
      prefix: "build/",
      folder: plan.folder,
      limits: { maxUnpackedBytes: limits.sourceBytes, maxEntries: limits.sourceEntries },
      signal: attempt.signal,
    });
  const language = plan.language.kind;
  const languages = [language];
  const files = { ...filesOf(attempt, { base, languages, inputs, folder: "build", plan, former }), open };
  return { built, files, sandbox, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/**
 * Makes the image's files from the result of a build, on top of the dependencies.
 * @returns null when the build changed its dependencies, because the dependencies of releases would then differ.
 */
async function fromLayers(
  context: MakeContext,
  attempt: Attempt,
  { fetched, plan, former, hasAssetPackages }: Input<Plan & Layered>,
): Promise<Made | null> {
  const { signal } = attempt;
  // The snapshot is looked up last: an earlier look-up could find a snapshot that is removed while the release's dependencies are
  // installed.
  await using installed = new AsyncDisposableStack();
  const { base, languages, production } = await releaseBase(context, attempt, plan);
  if (production !== null) installed.use(production);
  const { folder, workspace, hasBuildPackages } = plan.language.install;
  const { image, key } = await buildImage(context, attempt, plan, hasBuildPackages ? null : production);
  logProjectFolder(attempt, plan);
  await using opened = new AsyncDisposableStack();
  const inputs = digestOf([plan.source.digest, base, key, sorted(attempt.variables)]);
  const files = filesOf(attempt, { base, languages, inputs, folder: "app", plan, former });
  const sandbox = opened.use(
    await unpack(context, attempt, {
      fetched,
      folder: plan.folder,
      image,
      // The build receives the monorepo, or the app alone.
      projectDir: workspace ?? "",
      runnerArguments: [
        `${workspace === null ? "installed" : "installed-below"}=${folder}`,
        ...runnerArguments({ ...plan, monorepo: workspace === null ? null : "" }, { hasAssetPackages }),
      ],
      sourceTime: files.sourceTime,
      usesCache: false,
    }),
  );
  const built = await build(context, attempt, sandbox);
  opened.defer(() => settled(built));
  if (languages.length > 0 && !built.keepsDependencies) {
    await built.ended;
    // In a workspace, the engine would report all files of the source as changes.
    if (workspace !== null) return null;
    const changes = await sandbox.changes(`${workDir}/build/${folder}`, signal);
    if (changes.some((path) => !toolCaches.test(path))) return null;
  }
  const resources = opened.move();
  return {
    built,
    files: { ...files, open: () => openFiles(attempt, sandbox, built, files.folder) },
    sandbox: null,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Logs which folder of the source is built. For a workspace, the build runner logs it. */
function logProjectFolder({ log }: Attempt, { folder, language }: Plan & Layered): void {
  if (folder !== "" && language.install.workspace === null)
    log.line(`-----> Building the directory ${folder} only`);
}

/** The engine packs the app if the build's result does not contain it. */
async function openFiles(
  { signal }: Attempt,
  sandbox: Pick<Sandbox, "download">,
  { app, ended }: Built,
  folder: AppFiles["folder"],
): Promise<ByteStream> {
  if (app !== null) return appOf(app, folder);
  await ended;
  return sandbox.download(`${workDir}/${folder}`, signal);
}

/** The build's failure is reported by the caller that awaits the build. */
async function settled({ ended }: Built): Promise<void> {
  await Promise.allSettled([ended]);
}

/** The base image of the app's files in a release. */
async function releaseBase(context: MakeContext, attempt: Attempt, plan: Plan & Layered) {
  if (plan.language.releasedOn === "stack")
    return { base: context.config.stackImage, languages: [], production: null };
  const { image, sandbox } = await dependencies(context, attempt, plan);
  return { base: image, languages: [plan.language.kind], production: sandbox };
}

/** Makes the image's files from the buildpack's result. @param changedDependencies the key of dependencies that the build changes. */
async function fromBuild(
  context: MakeContext,
  attempt: Attempt,
  { fetched, plan, former, hasAssetPackages }: Input,
  changedDependencies: string | null = null,
): Promise<Made> {
  await using chosen = await fetchBuildpacks(context, attempt, plan);
  await using opened = new AsyncDisposableStack();
  const released = [plan.language, plan.assets].filter((one) => one?.releasedOn === "dependencies");
  const languages = released.flatMap((one) => one?.kind ?? []);
  const isOnStack = plan.language === null || languages.length === 0;
  const base = isOnStack ? context.config.stackImage : plan.language.images.run;
  const image = plan.language?.builtOn ?? context.config.stackBuildImage;
  const buildpacks = chosen?.origins ?? [];
  const inputs = digestOf([plan.source.digest, image, base, sorted(attempt.variables), ...buildpacks]);
  // The packages that build assets stay in their folder of the image.
  const folder = hasAssetPackages ? "app" : "build";
  const files = filesOf(attempt, { base, languages, inputs, folder, plan, former });
  const sandbox = opened.use(
    await unpack(context, attempt, {
      fetched,
      ...(hasAssetPackages ? { folder: plan.folder, projectDir: "" } : {}),
      image,
      chosen,
      runnerArguments: chosen === null ? runnerArguments(plan, { hasAssetPackages }) : ["each"],
      sourceTime: files.sourceTime,
      usesCache: true,
    }),
  );
  const built = await build(context, attempt, sandbox);
  opened.defer(() => settled(built));
  const resources = opened.move();
  const open = () => openFiles(attempt, sandbox, built, files.folder);
  return {
    built,
    files: { ...files, open, changedDependencies, buildpacks },
    sandbox,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function filesOf(
  { lease }: Attempt,
  made: Pick<AppFiles, "base" | "languages" | "inputs" | "folder"> & Pick<Input, "plan" | "former">,
): Omit<AppFiles, "open"> {
  const { plan, former, ...files } = made;
  const times = { newest: plan.source.newestTime, createdAt: lease.deployment.createdAt };
  return {
    ...files,
    sourceTime: sourceTime(files.inputs, times, former),
    changedDependencies: null,
    buildpacks: [],
  };
}

function sorted(variables: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(variables).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function digestOf(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
