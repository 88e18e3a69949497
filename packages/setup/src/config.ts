// The configuration of setup and the commands: its schema, parsed from environment variables.

import { existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { SlipwayError } from "@slipway/core";
import {
  commonSettings,
  configFrom,
  countSetting,
  httpUrlSetting,
  listSetting,
  portSetting,
  settingDocs,
} from "@slipway/service";
import type { Environment } from "@slipway/service";
import { repositoryRoot, testsOf } from "./repository.ts";
import { SetupError } from "./setup-error.ts";

export interface SetupConfig {
  /** Absolute path. All state of the installation is below it. */
  dataDir: string;
  apiPort: number;
  streamPort: number;
  routerPort: number;
  workers: number;
  /** Number of workers that build on the same engine. Default: the number of this clone's workers. */
  engineWorkers: number;
  graceMs: number;
  /** Whether a missing part is an error instead of a message that a part was skipped, because nobody reads the messages in CI. */
  unattended: boolean;
  /** Whether a new admin token is printed. */
  showsToken: boolean;
  /** Whether the environment provides the signing keys. */
  signingKeysGiven: boolean;
  /** Whether the environment contains the key for receipts, which then replaces the installation's own key. */
  receiptKeyGiven: boolean;
  /** The id from the environment, in the containers of docker-compose.yml; setup generates another one and ignores it. */
  givenId?: string;
  bootstrapToken?: string;
  redisUrl?: string;
  registryUrl?: string;
  stackImage?: string;
  stackBuildImage?: string;
  stackName?: string;
  /** Further stacks as written in STACKS: their images may be in any registry. */
  stacks?: readonly string[];
  dockerHost?: string;
  schedulerDockerHost?: string;
  buildNpmRegistry?: string;
  buildCaBundle?: string;
}

const maxGraceMs = 3_600_000;

/** Links within the data directory are refused, but the directory itself may be a link to another disk. */
function withoutLinks(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Every variable that setup and the commands read. The schemas of the apps document those that apps read too. */
export const settings = z
  .object({
    DATA_DIR: z
      .string()
      .default(".slipway")
      .transform((path) => withoutLinks(resolve(repositoryRoot, path))),
    API_PORT: portSetting.min(1).default(4100),
    STREAM_PORT: portSetting.min(1).default(4101),
    ROUTER_PORT: portSetting.min(1).default(4180),
    WORKERS: countSetting.max(64).default(2).register(settingDocs, {
      topic: "queue",
      description: "Worker processes that `npm start` runs.",
    }),
    ENGINE_WORKERS: countSetting.max(1_000).optional(),
    GRACE_MS: countSetting.max(maxGraceMs).default(30_000),
    INSTALLATION_ID: commonSettings.shape.INSTALLATION_ID.optional(),
    BOOTSTRAP_TOKEN: z.string().optional(),
    REDIS_URL: commonSettings.shape.REDIS_URL.optional(),
    REGISTRY_URL: httpUrlSetting().optional(),
    STACK_IMAGE: z.string().optional(),
    STACK_BUILD_IMAGE: z.string().optional(),
    STACK_NAME: z.string().optional(),
    STACKS: listSetting(),
    DOCKER_HOST: z.string().optional(),
    SCHEDULER_DOCKER_HOST: z.string().optional(),
    SIGNING_KEYS_FILE: z.string().optional(),
    SIGNING_KEYS: z.string().optional(),
    SIGNING_KEY: z.string().optional(),
    RECEIPT_KEY_FILE: z.string().optional(),
    RECEIPT_KEY: z.string().optional(),
    BUILD_NPM_REGISTRY: httpUrlSetting().optional(),
    BUILD_CA_BUNDLE: z.string().optional(),
    NODE_EXTRA_CA_CERTS: z.string().optional().register(settingDocs, {
      topic: "builds",
      description: "Read as the default of `BUILD_CA_BUNDLE`; Node.js itself reads it too.",
    }),
  })
  .superRefine(({ API_PORT, STREAM_PORT, ROUTER_PORT }, context) => {
    for (const [name, other, port] of samePorts({ API_PORT, STREAM_PORT, ROUTER_PORT })) {
      const message = `must differ from ${other}: both are ${port}`;
      context.addIssue({ code: "custom", path: [name], message });
    }
  });

/** Variables of the shell's environment that tests and benchmarks read: none that configures where an installation keeps its state. */
const readByOwn = [
  "CI",
  "DATA_DIR",
  "DOCKER_HOST",
  "STACK_IMAGE",
  "STACK_BUILD_IMAGE",
  "STACK_NAME",
  "STACKS",
  "BUILD_NPM_REGISTRY",
  "BUILD_CA_BUNDLE",
  "NODE_EXTRA_CA_CERTS",
];

/** @param environment the environment variables; by default this process's. Throws SetupError with every invalid variable. */
export function readConfig(environment: Environment = process.env): SetupConfig {
  return { ...grouped(parsed(environment)), unattended: isUnattended(environment) };
}

/**
 * The configuration of the private installation for tests or benchmarks, below the data directory. It is never the installation
 * for which the shell is configured: TEST_REDIS_URL and TEST_REGISTRY_URL name existing services to use.
 */
export function readOwnConfig(
  purpose: "test" | "bench",
  environment: Environment = process.env,
): SetupConfig {
  const read = Object.fromEntries(readByOwn.map((name) => [name, environment[name]]));
  const services = {
    REDIS_URL: environment["TEST_REDIS_URL"],
    REGISTRY_URL: environment["TEST_REGISTRY_URL"],
  };
  const config = readConfig({ ...read, ...services });
  return { ...config, dataDir: join(config.dataDir, purpose), showsToken: false };
}

/** Whether this is a CI run, in which a missing part is an error. */
export function isUnattended(environment: Environment = process.env): boolean {
  return !["", "false"].includes(environment["CI"] ?? "");
}

/** The URL of a MongoDB server on which tests may create and drop databases; undefined when none is set. */
export function testMongoUrl(environment: Environment = process.env): string | undefined {
  return environment["MONGO_URL"]?.trim() || undefined;
}

/** Marks this process, and all processes that it starts, as part of this clone's tests. */
export function markTests(): void {
  process.env["TESTS_OF"] = testsOf;
}

function parsed(environment: Environment): z.output<typeof settings> {
  const trimmed = Object.entries(environment).map(([name, value]) => [name, value?.trim()]);
  try {
    return configFrom(settings, Object.fromEntries(trimmed));
  } catch (error) {
    throw error instanceof SlipwayError ? new SetupError(error.message) : error;
  }
}

function grouped(given: z.output<typeof settings>): Omit<SetupConfig, "unattended"> {
  const signingKeys = [given.SIGNING_KEYS_FILE, given.SIGNING_KEYS, given.SIGNING_KEY];
  const optional = {
    givenId: given.INSTALLATION_ID,
    bootstrapToken: given.BOOTSTRAP_TOKEN,
    redisUrl: given.REDIS_URL,
    registryUrl: given.REGISTRY_URL,
    stackImage: given.STACK_IMAGE,
    stackBuildImage: given.STACK_BUILD_IMAGE,
    stackName: given.STACK_NAME,
    stacks: given.STACKS.length === 0 ? undefined : given.STACKS,
    dockerHost: given.DOCKER_HOST,
    schedulerDockerHost: given.SCHEDULER_DOCKER_HOST,
    buildNpmRegistry: given.BUILD_NPM_REGISTRY,
    buildCaBundle: given.BUILD_CA_BUNDLE ?? given.NODE_EXTRA_CA_CERTS,
  };
  return {
    dataDir: given.DATA_DIR,
    apiPort: given.API_PORT,
    streamPort: given.STREAM_PORT,
    routerPort: given.ROUTER_PORT,
    workers: given.WORKERS,
    engineWorkers: given.ENGINE_WORKERS ?? given.WORKERS,
    graceMs: given.GRACE_MS,
    showsToken: true,
    receiptKeyGiven: [given.RECEIPT_KEY_FILE, given.RECEIPT_KEY].some((key) => key !== undefined),
    signingKeysGiven: signingKeys.some((key) => key !== undefined),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/** Each pair of settings with the same port. */
function samePorts(ports: Readonly<Record<string, number>>): [string, string, number][] {
  const all = Object.entries(ports);
  return all.flatMap(([name, port], index) =>
    all
      .slice(index + 1)
      .filter(([, other]) => other === port)
      .map(([other]): [string, string, number] => [name, other, port]),
  );
}
