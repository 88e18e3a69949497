// The metrics of the engines' storage, measured at intervals.

import { connectDocker, engineIdentity, measureEngineStorage } from "@slipway/docker";
import type { DockerConnectionOptions, EngineStorage } from "@slipway/docker";
import { throttledErrorLog } from "@slipway/service";
import type { Logger } from "@slipway/service";
import { observeAtIntervals } from "@slipway/telemetry";
import type { WorkerConfig } from "../config.ts";

interface EngineMetricsContext {
  readonly config: Pick<WorkerConfig, "installationId" | "stackImage">;
  readonly logger: Logger;
  readonly engines: { readonly builds: DockerConnectionOptions; readonly releases: DockerConnectionOptions };
}

const everyMs = 5 * 60_000;

/** Reports the storage of the build engine, and of the release engine if it is another one, until the result is disposed. */
export function observeEngines(context: EngineMetricsContext): AsyncDisposable {
  return observeAtIntervals(
    ["slipway_disk_size_bytes", "slipway_disk_free_bytes", "slipway_engine_stored_bytes"],
    async (signal) => (await measureAll(context, signal)).flatMap(samplesOf),
    {
      everyMs,
      onError: throttledErrorLog(
        context.logger,
        "cannot measure what the engine stores; its metrics are absent until the next measurement",
      ),
    },
  );
}

async function measureAll(
  { config, engines }: EngineMetricsContext,
  signal: AbortSignal,
): Promise<EngineStorage[]> {
  const options = { installationId: config.installationId, image: config.stackImage };
  using builds = connectDocker(engines.builds);
  using releases = connectDocker(engines.releases);
  const identities = await Promise.all(
    [builds, releases].map(({ docker }) => engineIdentity(docker, signal)),
  );
  const distinct = identities[0] === identities[1] ? [builds] : [builds, releases];
  return await Promise.all(
    distinct.map(async ({ docker, images }) => {
      await images.ensure(options.image, signal);
      return await measureEngineStorage(docker, options, signal);
    }),
  );
}

function samplesOf({ host, disk, parts }: EngineStorage) {
  const ofDisk = { disk: "engine", host };
  const stored = (part: string, value: number) => ({
    name: "slipway_engine_stored_bytes" as const,
    value,
    attributes: { host, part },
  });
  return [
    { name: "slipway_disk_size_bytes" as const, value: disk.sizeBytes, attributes: ofDisk },
    { name: "slipway_disk_free_bytes" as const, value: disk.freeBytes, attributes: ofDisk },
    stored("images", parts.images),
    stored("snapshots", parts.snapshots),
    stored("containers", parts.containers),
    stored("volumes", parts.volumes),
    stored("build_cache", parts.buildCache),
  ];
}
