// Collects the garbage of an installation's registry while Slipway runs: holds pushes, deletes content that no image contains, and lets
// pushes continue. Pulls continue all the time.

import { join } from "node:path";
import { withDeadline } from "@slipway/async";
import { holdRegistryWrites, openRedis } from "@slipway/bus";
import type { RedisConnection, RegistryHold } from "@slipway/bus";
import { redisKeys } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";
import { acquireLock } from "../../bootstrap/lock.mjs";
import type { SetupConfig } from "../config.ts";
import { probeEngine } from "../engine/engine-connection.ts";
import { installationId } from "../installation.ts";
import { step } from "../progress.ts";
import type { PrintLine, Step } from "../progress.ts";
import { privateRedisUrl } from "../services/redis.ts";
import { SetupError } from "../setup-error.ts";
import { findGarbage } from "./collector.ts";
import type { RegistryHost } from "./collector.ts";
import { withoutLongWriters, withoutWriters } from "./earlier-writers.ts";
import { collectHeld } from "./held-collection.ts";
import type { RegistryGcResult } from "./held-collection.ts";
import { composeRegistry, privateRegistry } from "./registry-host.ts";

export interface RegistryGcOptions {
  readonly config: Pick<SetupConfig, "dataDir" | "redisUrl" | "registryUrl" | "dockerHost" | "givenId">;
  /** Whether to only report, without deleting. */
  readonly dryRun: boolean;
  /** Ends the collection, so that pushes continue. */
  readonly signal: AbortSignal;
  readonly printLine: PrintLine;
}

interface Installation {
  readonly host: RegistryHost;
  readonly redisUrl: string;
  readonly id: string;
}

const lockWaitMs = 20 * 60_000;
const connectLimitMs = 10_000;

/** Idempotent. @throws {SetupError} with what to do, also for a registry that Slipway does not run. */
export async function collectRegistryGarbage(options: RegistryGcOptions): Promise<RegistryGcResult> {
  const { config, dryRun, printLine } = options;
  const steps = step(printLine, "registry");
  await using opened = new AsyncDisposableStack();
  if (config.registryUrl === undefined) {
    if ((await installationId(config.dataDir)) === undefined)
      throw new SetupError(`There is no installation in ${config.dataDir}: run npm start first.`);
    // Setup pushes the stack while it holds this lock.
    const onWait = ({ pid }: { pid: number }) => steps.report(`waiting for process ${pid}, which sets up`);
    const lock = join(config.dataDir, "setup.lock");
    opened.use(await acquireLock(lock, { waitMs: lockWaitMs, onWait }));
  }
  const installation = await find(options);
  steps.report(`${installation.host.name}, ${installation.host.storage}`);
  if (dryRun) {
    const { blobs, bytes } = await steps.during("looking for what no image contains", () =>
      findGarbage(installation.host),
    );
    return { blobs: blobs.length, freedBytes: bytes };
  }
  return collect(installation, options, steps);
}

async function find({ config }: RegistryGcOptions): Promise<Installation> {
  const { dataDir, registryUrl, dockerHost, givenId } = config;
  if (registryUrl !== undefined) {
    const host = await composeHost(registryUrl, dockerHost);
    if (host === null || config.redisUrl === undefined || givenId === undefined) throw external(registryUrl);
    return { host, redisUrl: config.redisUrl, id: givenId };
  }
  const id = await installationId(dataDir);
  if (id === undefined) throw new SetupError(`There is no installation in ${dataDir}: run npm start first.`);
  const redisUrl = config.redisUrl ?? (await privateRedisUrl(dataDir));
  if (redisUrl === undefined)
    throw new SetupError(`The private Redis of ${dataDir} does not run: run npm start, then repeat this.`);
  return { host: await privateRegistry(dataDir, id, dockerHost), redisUrl, id };
}

async function composeHost(registryUrl: string, dockerHost: string | undefined) {
  return "docker" in (await probeEngine(dockerHost)) ? composeRegistry(registryUrl, dockerHost) : null;
}

function external(registryUrl: string): SetupError {
  return new SetupError(
    `REGISTRY_URL (${new URL(registryUrl).host}) names a registry that Slipway does not run, so it cannot collect its garbage.
  Use that registry's own way. For the registry "distribution": pause the queue "deployments" in the dashboard, wait until no deployment
  runs, run "registry garbage-collect /etc/docker/registry/config.yml" on its machine, restart it if it caches blob descriptors
  (storage.cache.blobdescriptor), and resume the queue.`,
  );
}

async function collect(
  { host, redisUrl, id }: Installation,
  { signal }: RegistryGcOptions,
  steps: Step,
): Promise<RegistryGcResult> {
  await using opened = new AsyncDisposableStack();
  const redis = opened.adopt(openRedis(redisUrl, { maxRetriesPerRequest: 1 }), (client) =>
    client.disconnect(),
  );
  // Each call reports its own failure.
  redis.on("error", () => undefined);
  await withDeadline(redis.ping(), { limitMs: connectLimitMs });
  const keys = redisKeys(id);
  await withoutLongWriters(redis, keys, steps, signal);
  const result = await steps.during("delaying pushes, collecting garbage; pulls continue", async (note) => {
    await using hold = await take(redis, keys);
    note("waiting for pushes that have begun");
    await withoutWriters(hold, signal);
    return await collectHeld(host, { hold, note, report: steps.report, signal });
  });
  steps.report("pushes continue");
  return result;
}

async function take(redis: RedisConnection, keys: RedisKeys): Promise<RegistryHold> {
  const hold = await holdRegistryWrites(redis, keys);
  if (hold !== null) return hold;
  throw new SetupError(
    "Another garbage collection of this registry runs, or was killed less than a minute ago: repeat this later.",
  );
}
