// Build sandboxes: creates them with the app's variables and the buildpacks, and runs their builds to the end, with the output in the log.

import { bundledBuildpacks, buildEnvironment } from "@slipway/buildpacks";
import type { BuildFile, BuildpackCatalogue, ResultReceiver } from "@slipway/buildpacks";
import type { ExtraEntry } from "@slipway/archive";
import { SlipwayError, mebibytesText } from "@slipway/core";
import type { BuildEngine, ByteStream, Sandbox } from "@slipway/core";
import type { WorkerConfig } from "../config.ts";
import { labelsOf } from "./attempt.ts";
import type { Attempt } from "./attempt.ts";
import { openWithCache } from "./cache.ts";
import type { CacheContext } from "./cache.ts";
import { type BuildTimeContext, type PlatformWait, withinBuildTime } from "./build-time.ts";
import type { ChosenBuildpacks } from "./phases/fetch-buildpacks.ts";
import { LimitHints } from "./limit-hints.ts";

export type SandboxContext = CacheContext & {
  readonly engine: Pick<BuildEngine, "createSandbox">;
  readonly config: Pick<WorkerConfig, "stackName" | "stackImage" | "build">;
  /** Content of the operator's CA bundle; null when there is none. */
  readonly caBundle: Buffer | null;
  readonly catalogue: BuildpackCatalogue;
};

export interface SandboxRequest {
  /** Reference of the image that the build runs in. */
  readonly image: string;
  /** Arguments of the build runner. */
  readonly runnerArguments: readonly string[];
  /** Folder of the source to build, instead of the folder that the app's variable names. */
  readonly projectDir?: string;
  /** Time of the source, in seconds since 1970. */
  readonly sourceTime: number;
  /** Buildpacks that the user chose by URL; by default the bundled ones. */
  readonly chosen?: ChosenBuildpacks | null;
  /** Whether the cache of earlier builds is restored. */
  readonly usesCache: boolean;
  /** Called after a cache was restored. */
  readonly onCacheRestored?: () => void;
  /** @param entries additional entries: the runner, the buildpacks and the app's variables. @returns the tar to unpack in `workDir`. */
  readonly open: (entries: AsyncIterable<ExtraEntry>) => Promise<ByteStream>;
}

/** Directory of all files of a build. */
export const workDir = "/work";
const caBundlePath = "ca/bundle.pem";
const buildpacks = bundledBuildpacks();

/**
 * Opens a sandbox with the files of a build, and the app's cache if the build uses it.
 * @throws {SlipwayError} the errors of the tar and of the engine. In this case the sandbox is removed.
 */
export async function openBuildSandbox(
  context: SandboxContext,
  attempt: Attempt,
  request: SandboxRequest,
): Promise<Sandbox> {
  const open = () => createSandbox(context, attempt, request);
  if (!request.usesCache) return await open();
  return await openWithCache(context, attempt, open, { onRestored: request.onCacheRestored });
}

export type RunContext = BuildTimeContext & {
  readonly config: { readonly build: Pick<WorkerConfig["build"], "diskBytes" | "tmpfsBytes"> };
};

interface RunOptions {
  /** Receives stderr, which otherwise goes into the log. If the build fails, stderr is logged at its end. */
  readonly errors?: ResultReceiver;
  /** Called at the end of the output, some time before the container has exited. */
  readonly onOutputEnd?: () => void;
  /** Returns the error for an exit code, unless the build ran out of memory. Default: a buildpack's error. */
  readonly failureOf?: (exitCode: number) => SlipwayError;
  /** A wait whose time does not count for the limits of the build's duration and silence. */
  readonly wait?: PlatformWait;
}

/** The parts of an attempt that a running build uses. */
interface RunningAttempt {
  readonly lease: Pick<Attempt["lease"], "check">;
  readonly log: Pick<Attempt["log"], "line" | "write">;
  readonly signal: AbortSignal;
}

/**
 * Runs the build to its end. The lease is checked first: a newer attempt removes the sandboxes of older ones after its claim, but it does
 * not see a sandbox that is created later.
 * @throws {SlipwayError} "lease-lost" or "aborted" before the build has begun; errors of the user: "build-failed", "build-timeout",
 * "build-out-of-memory", "build-disk-full".
 */
export async function runSandbox(
  context: RunContext,
  { lease, log, signal }: RunningAttempt,
  sandbox: Pick<Sandbox, "run">,
  { errors, onOutputEnd, failureOf = buildpackFailure, wait }: RunOptions = {},
): Promise<void> {
  const { config } = context;
  const hints = buildHints(config);
  await lease.check();
  await withinBuildTime(context, signal, async (limits) => {
    if (wait !== undefined) limits.suspendDuring(wait);
    const exit = await sandbox.run({
      onOutput: (bytes) => {
        hints.read(bytes);
        return limits.store(() => log.write(bytes));
      },
      onError: errors?.write,
      onOutputEnd,
      signal: limits.signal,
    });
    if (exit.diskFull) throw diskFull(config);
    if (exit.exitCode !== 0) {
      const written = errors?.bytes() ?? Buffer.alloc(0);
      hints.read(written);
      await log.write(written);
      for (const hint of hints.after(exit.exitCode)) log.line(` !     ${hint}`);
      throw exit.outOfMemory ? outOfMemory() : failureOf(exit.exitCode);
    }
    if (exit.outOfMemory) log.line(" !     A process of the build ran out of memory");
  });
}

function buildHints({ build }: RunContext["config"]): LimitHints {
  const { diskBytes, tmpfsBytes } = build;
  return new LimitHints({
    diskBytes,
    diskSetting: "BUILD_DISK_MB",
    tmpfsBytes,
    tmpfsSetting: "BUILD_TMPFS_MB",
  });
}

function diskFull({ build }: RunContext["config"]): SlipwayError {
  const limit = `${mebibytesText(build.diskBytes)} (BUILD_DISK_MB)`;
  const message = `the build wrote more than ${limit}, or more files than can be counted; it was ended`;
  return new SlipwayError("build-disk-full", message);
}

function outOfMemory(): SlipwayError {
  return new SlipwayError("build-out-of-memory", "the build ran out of memory");
}

function buildpackFailure(exitCode: number): SlipwayError {
  return new SlipwayError("build-failed", `the buildpack failed with exit code ${exitCode}`, { exitCode });
}

async function createSandbox(
  context: SandboxContext,
  attempt: Attempt,
  request: SandboxRequest,
): Promise<Sandbox> {
  const { log, signal } = attempt;
  const build = buildEnvironment({
    variables: attempt.variables,
    platform: buildPlatform(context, attempt, request),
  });
  for (const name of build.withheld)
    log.line(` !     ${name} is not passed to the build: the name is reserved for the platform`);
  const { memoryBytes, cpus, pids, tmpfsBytes, diskBytes } = context.config.build;
  await using owned = new AsyncDisposableStack();
  const sandbox = owned.use(
    await context.engine.createSandbox(
      {
        image: request.image,
        command: ["/bin/bash", `${workDir}/runner/build`, ...request.runnerArguments],
        environment: build.environment,
        labels: labelsOf(attempt),
        limits: { memoryBytes, cpus, pids, tmpfsBytes, diskBytes },
      },
      signal,
    ),
  );
  const entries = controlEntries(context, build.files, buildpacks.entries());
  await sandbox.upload(workDir, await request.open(entries), signal);
  for (const tar of request.chosen?.open() ?? []) await sandbox.upload(workDir, tar, signal);
  owned.move();
  return sandbox;
}

function buildPlatform(
  { config, caBundle, catalogue }: SandboxContext,
  { app, lease }: Attempt,
  request: SandboxRequest,
) {
  return {
    stack: config.stackName,
    app: app.name,
    projectDir: request.projectDir,
    sourceVersion: lease.deployment.gitRef ?? "",
    sourceTime: request.sourceTime,
    requestId: lease.deployment.id,
    buildpacks: buildpacks.names,
    chosen: request.chosen?.folders ?? null,
    catalogued: catalogue.map(({ name }) => name),
    npmRegistry: config.build.npmRegistry ?? null,
    pythonIndex: config.build.pythonIndex,
    goProxy: config.build.goProxy,
    goChecksumDatabase: config.build.goChecksumDatabase,
    caBundle: caBundle === null ? null : `${workDir}/${caBundlePath}`,
  };
}

async function* controlEntries(
  { caBundle }: SandboxContext,
  variableFiles: readonly BuildFile[],
  buildpackEntries: AsyncIterable<BuildFile>,
): AsyncGenerator<ExtraEntry> {
  for (const name of ["env", "cache", "result"]) yield { kind: "directory", name, mode: 0o755 };
  yield* variableFiles;
  yield* buildpackEntries;
  if (caBundle !== null) {
    yield { kind: "file", name: caBundlePath, mode: 0o644, content: caBundle };
  }
}
