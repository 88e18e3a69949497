// The processes of a private Slipway for tests, and the environment of each.

import { join } from "node:path";
import { inject } from "vitest";
import { freePort } from "@slipway/testkit";
import { AppUnderTest } from "./app-under-test.ts";
import type { Gate } from "./gate.ts";

export interface SlipwayOptions {
  /** Variables of each worker, which override those of all processes; one worker per entry. */
  readonly workers: readonly Readonly<Record<string, string>>[];
  /** Variables of the API, which override those of all processes. */
  readonly api?: Readonly<Record<string, string>>;
  /** Whether each worker reaches Redis through its own gate, and all workers reach the engine through one gate. */
  readonly gated?: boolean;
  /** Variables of all processes. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The workers' engines, besides the set-up's engine, on which releases run. */
  readonly engines?: readonly string[];
  /** Folder of the files of the database, the blob store and Redis; by default a new folder. */
  readonly dataDir?: string;
  /** Replaces the set-up's registry; it must have the same images. */
  readonly registryUrl?: string;
}

export interface Gates {
  /** One gate for each worker. */
  readonly redis: readonly Gate[];
  readonly engine: Gate;
  /** The gate's address. */
  readonly dockerHost: string;
}

/** Short, so that the effects of a fault appear soon, but long enough for a busy machine. */
const timing = {
  LEASE_MS: "2500",
  RECONCILE_MS: "500",
  GRACE_MS: "1000",
  STOP_GRACE_MS: "1000",
  BOOT_TIMEOUT_MS: "20000",
};
const defaultDockerHost = "unix:///var/run/docker.sock";

/** The variables of all processes: the services of the set-up, but a private database, blob store and Redis. */
export async function environmentOf(
  { settings, registryUrl }: SlipwayOptions,
  own: { readonly dataDir: string; readonly installationId: string; readonly redisUrl: string },
): Promise<Record<string, string>> {
  const common = inject("environment");
  const registry = registryUrl ?? common.REGISTRY_URL;
  const inRegistry = (image: string) =>
    image.replace(new URL(common.REGISTRY_URL).host, new URL(registry).host);
  return {
    ...common,
    ...timing,
    DATA_DIR: own.dataDir,
    INSTALLATION_ID: own.installationId,
    REDIS_URL: own.redisUrl,
    DATABASE_URL: `file:${own.dataDir}/slipway.db`,
    BLOBS_URL: `file:${own.dataDir}/blobs`,
    REGISTRY_URL: registry,
    STACK_IMAGE: inRegistry(common.STACK_IMAGE),
    STACK_BUILD_IMAGE: inRegistry(common.STACK_BUILD_IMAGE),
    API_PORT: String(await freePort()),
    STREAM_PORT: String(await freePort()),
    CONCURRENCY: "1",
    // Tests run in parallel: a fault of a worker must affect only one deployment.
    START_CONCURRENCY: "0",
    SCHEDULER_DOCKER_HOST: common["DOCKER_HOST"] ?? defaultDockerHost,
    ...settings,
  };
}

/** The folder of the set-up's own logs, with a folder for each installation. */
export function logFolderOf(installationId: string): string {
  return join(inject("environment").DATA_DIR, "logs", installationId);
}

/** The API, the stream and the workers, not started yet. */
export function appsOf(
  { workers, api = {} }: SlipwayOptions,
  environment: Readonly<Record<string, string>>,
  logFolder: string,
  gates: Gates | undefined,
): AppUnderTest[] {
  const { DATA_DIR: filesDir } = inject("environment");
  const each = workers.map((variables, index) => {
    const name = `worker-${index + 1}`;
    return { name, variables: { ...gatedVariables(gates, index), ...variables } };
  });
  return [{ name: "api", variables: api }, { name: "stream", variables: {} }, ...each].map(
    ({ name, variables }) =>
      new AppUnderTest(
        {
          name,
          script: `apps/${name.replace(/-\d+$/, "")}/src/main.ts`,
          usesEngine: name.startsWith("worker"),
          environment: {
            ...environment,
            ...variables,
            SERVICE_NAME: name,
            LOG_FORMAT: "json",
            NODE_COMPILE_CACHE: join(filesDir, "compile-cache"),
          },
        },
        logFolder,
      ),
  );
}

function gatedVariables(gates: Gates | undefined, index: number): Readonly<Record<string, string>> {
  if (gates === undefined) return {};
  return {
    REDIS_URL: `redis://127.0.0.1:${gates.redis[index]?.port}/0`,
    DOCKER_HOST: gates.dockerHost,
    SCHEDULER_DOCKER_HOST: gates.dockerHost,
  };
}
