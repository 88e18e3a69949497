// Composes the environment variables that setup passes to the apps.

import { execa } from "execa";
import type { SetupConfig } from "./config.ts";
import { defaultStackName } from "@slipway/service";
import { ownStackName, type Stack } from "./images/stack.ts";
import type { Installation } from "./installation.ts";
import type { ProvidedRedis } from "./services/redis.ts";

/** The apps' environment variables. */
export interface AppEnvironment extends Record<string, string> {
  DATA_DIR: string;
  INSTALLATION_ID: string;
  BOOTSTRAP_TOKEN: string;
  REDIS_URL: string;
  REGISTRY_URL: string;
  STACK_IMAGE: string;
  STACK_BUILD_IMAGE: string;
  BUILD_NPM_REGISTRY: string;
  API_PORT: string;
  STREAM_PORT: string;
  ROUTER_PORT: string;
  WORKERS: string;
  ENGINE_WORKERS: string;
  GRACE_MS: string;
}

/** The services and images that setup provides to an installation. */
export interface Ensured extends ProvidedRedis {
  registryUrl: string;
  stack: Stack;
  /** Value of STACKS for the apps; "" for no further stacks. */
  furtherStacks: string;
  npmRegistry: string;
}

/** Composes the apps' environment. Variables without a value are omitted. */
export function appEnvironment(
  installation: Installation,
  config: SetupConfig,
  ensured: Ensured,
): AppEnvironment {
  return {
    DATA_DIR: installation.dataDir,
    INSTALLATION_ID: installation.id,
    BOOTSTRAP_TOKEN: installation.adminToken,
    REDIS_URL: ensured.redisUrl,
    REGISTRY_URL: ensured.registryUrl,
    STACK_IMAGE: ensured.stack.run,
    STACK_BUILD_IMAGE: ensured.stack.build,
    ...stackNames(config, ensured),
    BUILD_NPM_REGISTRY: ensured.npmRegistry,
    API_PORT: String(config.apiPort),
    STREAM_PORT: String(config.streamPort),
    ROUTER_PORT: String(config.routerPort),
    WORKERS: String(config.workers),
    ENGINE_WORKERS: String(config.engineWorkers),
    GRACE_MS: String(config.graceMs),
    ...ownSettings("REDIS_URL", ensured.redisUrls ?? {}),
    ...(config.signingKeysGiven ? {} : { SIGNING_KEYS_FILE: installation.signingKeysFile }),
    ...(config.receiptKeyGiven ? {} : { RECEIPT_KEY_FILE: installation.receiptKeyFile }),
    ...(config.dockerHost === undefined ? {} : { DOCKER_HOST: config.dockerHost }),
    ...(config.buildCaBundle === undefined ? {} : { BUILD_CA_BUNDLE: config.buildCaBundle }),
  };
}

/** A stack whose image the operator names has a name derived from the image. */
function stackNames(
  { stackImage, stackName = stackImage === undefined ? ownStackName : undefined }: SetupConfig,
  { furtherStacks }: Ensured,
): Record<string, string> {
  return {
    STACK_NAME: stackName ?? defaultStackName(stackImage ?? ""),
    ...(furtherStacks === "" ? {} : { STACKS: furtherStacks }),
  };
}

/** The values of a setting that differ by the kind of process, as variables `SETTING_KIND`. */
function ownSettings(setting: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([kind, value]) => [`${setting}_${kind.toUpperCase()}`, value]),
  );
}

/** Determines the npm registry for builds: the given one, or else the one configured for npm on this machine. */
export async function npmRegistry(given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const { stdout } = await execa("npm", ["config", "get", "registry"], { stdin: "ignore", stderr: "ignore" });
  return stdout.trim();
}
