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
  /** Each worker reaches Redis through its own gate, and all of them the engine through one. */
  readonly gated?: boolean;
  /** Variables of all processes. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Engines of workers, besides the one of set-up, which releases run on. */
  readonly engines?: readonly string[];
  /** Where database, blobs and Redis keep their files; by default a new folder. */
  readonly dataDir?: string;
  /** Instead of the registry of set-up; it must have the same images. */
  readonly registryUrl?: string;
}

export interface Gates {
  /** One for each worker. */
  readonly redis: readonly Gate[];
  readonly engine: Gate;
  /** The gate's address. */
  readonly dockerHost: string;
}

/** Short, so that the consequences of a fault appear soon; long enough for a busy machine. */
const timing = {
  LEASE_MS: "2500",
  RECONCILE_MS: "500",
  GRACE_MS: "1000",
  STOP_GRACE_MS: "1000",
  BOOT_TIMEOUT_MS: "20000",
};
const defaultDockerHost = "unix:///var/run/docker.sock";

/** The variables of all processes: set-up's services, except for a private database, blob store and Redis. */
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
    // Tests run at the same time: a fault of a worker is to affect the deployment of one.
    START_CONCURRENCY: "0",
    SCHEDULER_DOCKER_HOST: common["DOCKER_HOST"] ?? defaultDockerHost,
    ...settings,
  };
}

/** Where set-up keeps its own logs, a folder for each installation. */
export function logFolderOf(installationId: string): string {
  return join(inject("environment").DATA_DIR, "logs", installationId);
}

/** API, stream and workers, not started yet. */
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
