// Unpack: from the archive's bytes to a sandbox that holds the checked source, the buildpacks and the app's variables, in
// one upload. Needs the archive; yields the sandbox.

import { bundledBuildpacks, buildEnvironment } from "@slipway/buildpacks";
import type { BuildFile } from "@slipway/buildpacks";
import { sourceTar } from "@slipway/archive";
import type { ExtraEntry } from "@slipway/archive";
import type { ByteStream, Sandbox } from "@slipway/core";
import { labelsOf } from "../attempt.ts";
import type { Attempt } from "../attempt.ts";

const workDir = "/work";
const caBundlePath = "ca/bundle.pem";

export async function unpack(attempt: Attempt, archive: ByteStream): Promise<Sandbox> {
  const { platform, log, signal } = attempt;
  const { config } = platform;
  const buildpacks = bundledBuildpacks();
  const build = buildEnvironment({
    variables: attempt.variables,
    platform: buildPlatform(attempt, buildpacks.names),
  });
  for (const name of build.withheld)
    log.line(` !     ${name} is not passed to the build: the name is the platform's`);
  const sandbox = await platform.engine.createSandbox(
    {
      image: config.stackImage,
      command: ["/bin/bash", `${workDir}/runner/build`],
      environment: build.environment,
      labels: labelsOf(attempt),
      limits: {
        memoryBytes: config.build.memoryBytes,
        cpus: config.build.cpus,
        pids: config.build.pids,
        tmpfsBytes: config.build.tmpfsBytes,
        diskBytes: config.build.diskBytes,
      },
    },
    signal,
  );
  try {
    const source = sourceTar(archive, {
      prefix: "build/",
      limits: { maxUnpackedBytes: config.limits.sourceBytes, maxEntries: config.limits.sourceEntries },
      extra: extraEntries(attempt, build.files, buildpacks.entries()),
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

function buildPlatform({ platform, app, lease }: Attempt, buildpacks: readonly string[]) {
  return {
    stack: platform.config.stackImage,
    app: app.name,
    sourceVersion: lease.deployment.gitRef ?? "",
    requestId: lease.deployment.id,
    buildpacks,
    npmRegistry: platform.config.build.npmRegistry ?? null,
    caBundle: platform.caBundle === null ? null : `${workDir}/${caBundlePath}`,
  };
}

async function* extraEntries(
  { platform }: Attempt,
  variableFiles: readonly BuildFile[],
  buildpackEntries: AsyncIterable<BuildFile>,
): AsyncGenerator<ExtraEntry> {
  for (const name of ["env", "cache", "result"]) yield { kind: "directory", name, mode: 0o755 };
  yield* variableFiles;
  yield* buildpackEntries;
  if (platform.caBundle !== null) {
    yield { kind: "file", name: caBundlePath, mode: 0o644, content: platform.caBundle };
  }
}
