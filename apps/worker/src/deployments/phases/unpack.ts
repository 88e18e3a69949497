// Unpack: creates the sandbox and uploads the validated source, the buildpacks and the app's variables to it, in one tar.
// Needs the archive; yields the sandbox.

import { bundledBuildpacks, buildEnvironment } from "@slipway/buildpacks";
import type { BuildFile } from "@slipway/buildpacks";
import { sourceTar } from "@slipway/archive";
import type { ExtraEntry } from "@slipway/archive";
import type { BuildEngine, ByteStream, Sandbox } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import { labelsOf } from "../attempt.ts";
import type { Attempt } from "../attempt.ts";

export interface UnpackContext {
  readonly engine: Pick<BuildEngine, "createSandbox">;
  readonly config: Pick<WorkerConfig, "stackImage" | "build"> & {
    readonly limits: Pick<WorkerConfig["limits"], "sourceBytes" | "sourceEntries">;
  };
  /** Content of the operator's CA bundle; null when there is none. */
  readonly caBundle: Buffer | null;
}

const workDir = "/work";
const caBundlePath = "ca/bundle.pem";

/** @throws {SlipwayError} "archive-invalid", "archive-too-large" and the errors of the engine. The sandbox is removed then. */
export async function unpack(
  context: UnpackContext,
  attempt: Attempt,
  archive: ByteStream,
): Promise<Sandbox> {
  const { config } = context;
  const { log, signal } = attempt;
  const buildpacks = bundledBuildpacks();
  const build = buildEnvironment({
    variables: attempt.variables,
    platform: buildPlatform(context, attempt, buildpacks.names),
  });
  for (const name of build.withheld)
    log.line(` !     ${name} is not passed to the build: the name is the platform's`);
  const sandbox = await createSandbox(context, attempt, build.environment);
  try {
    const source = sourceTar(archive, {
      prefix: "build/",
      limits: { maxUnpackedBytes: config.limits.sourceBytes, maxEntries: config.limits.sourceEntries },
      extra: extraEntries(context, build.files, buildpacks.entries()),
      signal,
    });
    await sandbox.upload(workDir, source.tar, signal);
    const { entryCount, sizeBytes } = await source.summary;
    log.line(`       Unpacked ${entryCount} files, ${(sizeBytes / 1024 / 1024).toFixed(1)} MiB`);
    return sandbox;
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

function createSandbox(
  { config, engine }: UnpackContext,
  attempt: Attempt,
  environment: Readonly<Record<string, string>>,
): Promise<Sandbox> {
  const { memoryBytes, cpus, pids, tmpfsBytes, diskBytes } = config.build;
  return engine.createSandbox(
    {
      image: config.stackImage,
      command: ["/bin/bash", `${workDir}/runner/build`],
      environment,
      labels: labelsOf(attempt),
      limits: { memoryBytes, cpus, pids, tmpfsBytes, diskBytes },
    },
    attempt.signal,
  );
}

function buildPlatform(
  { config, caBundle }: UnpackContext,
  { app, lease }: Attempt,
  buildpacks: readonly string[],
) {
  return {
    stack: config.stackImage,
    app: app.name,
    sourceVersion: lease.deployment.gitRef ?? "",
    requestId: lease.deployment.id,
    buildpacks,
    npmRegistry: config.build.npmRegistry ?? null,
    caBundle: caBundle === null ? null : `${workDir}/${caBundlePath}`,
  };
}

async function* extraEntries(
  { caBundle }: UnpackContext,
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
