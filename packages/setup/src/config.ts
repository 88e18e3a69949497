// The configuration of the scripts: the one reader of process.env here, with one schema, all problems reported at once.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { join, resolve } from "node:path";
import { z } from "zod";
import { SlipwayError } from "@slipway/core";
import { configFrom, countSetting, portSetting, settingDocs } from "@slipway/service";
import { SetupError } from "./setup-error.ts";

/** The folder this clone lies in. */
export const repositoryRoot = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/** What the ids of all installations begin with that this clone's tests make: by it `npm run down` finds what they left. */
export const testsOf = `test-${createHash("sha256").update(repositoryRoot).digest("hex").slice(0, 8)}`;

export interface ScriptConfig {
  /** Absolute. All state of this installation lies under it. */
  dataDir: string;
  apiPort: number;
  streamPort: number;
  routerPort: number;
  workers: number;
  /** Workers that build on the same engine: those of this clone, unless there are others. */
  engineWorkers: number;
  graceMs: number;
  /** Whether everything has to be there, as nobody looks at what was left out. */
  unattended: boolean;
  /** Whether an admin token is shown when it is made: to somebody who is going to use it. */
  showsToken: boolean;
  /** Whether the environment says what tokens are signed with. */
  signingKeysGiven: boolean;
  bootstrapToken?: string;
  redisUrl?: string;
  registryUrl?: string;
  stackImage?: string;
  dockerHost?: string;
  schedulerDockerHost?: string;
  buildNpmRegistry?: string;
  buildCaBundle?: string;
}

const textSetting = () => z.string().optional();
const urlSetting = (protocol: RegExp, error: string) => z.url({ protocol, error }).optional();

/** Every variable that the commands read to set an installation up. The schemas of the apps document those that apps read too. */
export const settings = z
  .object({
    DATA_DIR: z
      .string()
      .default(".slipway")
      .transform((path) => resolve(repositoryRoot, path)),
    API_PORT: portSetting.min(1).default(4100),
    STREAM_PORT: portSetting.min(1).default(4101),
    ROUTER_PORT: portSetting.min(1).default(4180),
    WORKERS: countSetting.max(64).default(2).register(settingDocs, {
      topic: "queue",
      description: "Worker processes that `npm start` runs.",
    }),
    ENGINE_WORKERS: countSetting.max(1_000).optional(),
    GRACE_MS: countSetting.max(3_600_000).default(30_000),
    BOOTSTRAP_TOKEN: textSetting(),
    REDIS_URL: urlSetting(/^rediss?$/, "must be a redis:// or rediss:// URL"),
    REGISTRY_URL: urlSetting(/^https?$/, "must be an http:// or https:// URL"),
    STACK_IMAGE: textSetting(),
    DOCKER_HOST: textSetting(),
    SCHEDULER_DOCKER_HOST: textSetting(),
    SIGNING_KEYS_FILE: textSetting(),
    SIGNING_KEYS: textSetting(),
    SIGNING_KEY: textSetting(),
    BUILD_NPM_REGISTRY: urlSetting(/^https?$/, "must be an http:// or https:// URL"),
    BUILD_CA_BUNDLE: textSetting(),
    NODE_EXTRA_CA_CERTS: textSetting().register(settingDocs, {
      topic: "builds",
      description: "Read as the default of `BUILD_CA_BUNDLE`; Node.js itself reads it too.",
    }),
  })
  .superRefine(({ API_PORT, STREAM_PORT, ROUTER_PORT }, context) => {
    for (const [name, other, port] of samePorts({ API_PORT, STREAM_PORT, ROUTER_PORT })) {
      context.addIssue({
        code: "custom",
        path: [name],
        message: `must differ from ${other}: both are ${port}`,
      });
    }
  });

type Environment = Readonly<Record<string, string | undefined>>;

/** Of what a shell may have exported, what tests and benchmarks take: nothing of it says where a Slipway keeps its state. */
const takenByOwn = [
  "CI",
  "DATA_DIR",
  "DOCKER_HOST",
  "STACK_IMAGE",
  "BUILD_NPM_REGISTRY",
  "BUILD_CA_BUNDLE",
  "NODE_EXTRA_CA_CERTS",
];
/** What a program needs to get along on this machine: where to look, whom to trust, how to reach the engine. */
const ofTheMachine = [
  "HOME",
  "TMPDIR",
  "TESTS_OF",
  "NODE_EXTRA_CA_CERTS",
  "DOCKER_CERT_PATH",
  "DOCKER_TLS_VERIFY",
  "SSH_AUTH_SOCK",
];

/** Reads the scripts' settings from `environment`, this process's own unless given. Throws SetupError naming every wrong one. */
export function readConfig(environment: Environment = process.env): ScriptConfig {
  const given = validated(environment);
  const optional = {
    bootstrapToken: given.BOOTSTRAP_TOKEN,
    redisUrl: given.REDIS_URL,
    registryUrl: given.REGISTRY_URL,
    stackImage: given.STACK_IMAGE,
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
    unattended: isUnattended(environment),
    showsToken: true,
    signingKeysGiven: [given.SIGNING_KEYS_FILE, given.SIGNING_KEYS, given.SIGNING_KEY].some(
      (key) => key !== undefined,
    ),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  };
}

/**
 * The settings of the installation that tests or benchmarks have to themselves, below the data directory. Whatever installation
 * the shell is set to, theirs is another: TEST_REDIS_URL and TEST_REGISTRY_URL name services for it.
 */
export function readOwnConfig(
  purpose: "test" | "bench",
  environment: Environment = process.env,
): ScriptConfig {
  const taken = Object.fromEntries(takenByOwn.map((name) => [name, environment[name]]));
  const services = {
    REDIS_URL: environment["TEST_REDIS_URL"],
    REGISTRY_URL: environment["TEST_REGISTRY_URL"],
  };
  const config = readConfig({ ...taken, ...services });
  return { ...config, dataDir: join(config.dataDir, purpose), showsToken: false };
}

/** Marks this process, and all that inherits from it, as part of this clone's tests. */
export function markTests(): void {
  process.env["TESTS_OF"] = testsOf;
}

/** Whether nobody looks at what is left out, so that everything has to be there. */
export function isUnattended(environment: Environment = process.env): boolean {
  return !["", "false"].includes(environment["CI"] ?? "");
}

function validated(environment: Environment): z.output<typeof settings> {
  const trimmed = Object.entries(environment).map(([name, value]) => [name, value?.trim()]);
  try {
    return configFrom(settings, Object.fromEntries(trimmed));
  } catch (error) {
    throw error instanceof SlipwayError ? new SetupError(error.message) : error;
  }
}

function samePorts(ports: Readonly<Record<string, number>>): [string, string, number][] {
  const all = Object.entries(ports);
  return all.flatMap(([name, port], index) =>
    all
      .slice(index + 1)
      .filter(([, other]) => other === port)
      .map(([other]) => [name, other, port]),
  );
}

/** A MongoDB server for the tests to use, whose databases they may make and drop. */
export function testMongoUrl(environment: Environment = process.env): string | undefined {
  return environment["MONGO_URL"]?.trim() || undefined;
}

/** The environment that a started program inherits: this process's own, with what Slipway adds or replaces. */
export function inheritedEnvironment<Added extends Environment>(added: Added): NodeJS.ProcessEnv & Added {
  return { ...process.env, ...added };
}

/** The environment of an app that gets the rest of it by name, so that nothing the shell has exported reconfigures it. */
export function machineEnvironment(): NodeJS.ProcessEnv {
  const set = ofTheMachine.filter((name) => process.env[name] !== undefined);
  return { ...bareEnvironment(), ...Object.fromEntries(set.map((name) => [name, process.env[name]])) };
}

/** The environment of a service that must not be configured by accident: its path and home, nothing else. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  return { PATH: searchPath(), HOME: process.env["HOME"] ?? "/", LANG: "C.UTF-8" };
}

/** Where programs are looked for; the system's own folders always, since a user's path may lack them. */
export function searchPath(): string {
  return [process.env["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    .filter(Boolean)
    .join(":");
}
