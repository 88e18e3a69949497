// What the environment says to the scripts: the one reader of process.env here, with all its problems told at once.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { isAbsolute, join } from "node:path";
import { SetupError } from "./setup/setup-error.ts";

/** The folder this clone lies in. */
export const repositoryRoot = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** What the ids of all installations begin with that this clone's tests make: by it `npm run down` finds what they left. */
export const testsOf = `test-${createHash("sha256").update(repositoryRoot).digest("hex").slice(0, 8)}`;

/** How long the apps may take to drain, when GRACE_MS does not say. */
const defaultGraceMs = 30_000;

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

/** Reads the scripts' settings from `environment`, this process's own unless given. Throws SetupError naming every bad one. */
export function readConfig(environment: Environment = process.env): ScriptConfig {
  const problems: string[] = [];
  const number = (name: string, fallback: number, least: number, most: number) =>
    wholeNumber(environment, name, { fallback, least, most }, problems);
  const own = {
    dataDir: absolute(text(environment, "DATA_DIR") ?? ".slipway"),
    apiPort: number("API_PORT", 4100, 1, 65_535),
    streamPort: number("STREAM_PORT", 4101, 1, 65_535),
    routerPort: number("ROUTER_PORT", 4180, 1, 65_535),
    workers: number("WORKERS", 2, 1, 64),
    graceMs: number("GRACE_MS", defaultGraceMs, 1, 3_600_000),
  };
  const config: ScriptConfig = {
    ...own,
    engineWorkers: number("ENGINE_WORKERS", own.workers, 1, 1_000),
    unattended: isUnattended(environment),
    showsToken: true,
    signingKeysGiven: signingKeysGiven(environment),
    ...optional(environment, problems),
  };
  problems.push(
    ...samePorts({ API_PORT: own.apiPort, STREAM_PORT: own.streamPort, ROUTER_PORT: own.routerPort }),
  );
  if (problems.length > 0) throw new SetupError(`The environment is not right:\n  ${problems.join("\n  ")}`);
  return config;
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

function samePorts(ports: Readonly<Record<string, number>>): string[] {
  const all = Object.entries(ports);
  return all.flatMap(([name, port], index) =>
    all
      .slice(index + 1)
      .filter(([, other]) => other === port)
      .map(([other]) => `${name} and ${other} are both ${port}`),
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

function optional(environment: Environment, problems: string[]): Partial<ScriptConfig> {
  const found = {
    bootstrapToken: text(environment, "BOOTSTRAP_TOKEN"),
    redisUrl: url(environment, "REDIS_URL", ["redis:", "rediss:"], problems),
    registryUrl: url(environment, "REGISTRY_URL", ["http:", "https:"], problems),
    stackImage: text(environment, "STACK_IMAGE"),
    dockerHost: text(environment, "DOCKER_HOST"),
    schedulerDockerHost: text(environment, "SCHEDULER_DOCKER_HOST"),
    buildNpmRegistry: url(environment, "BUILD_NPM_REGISTRY", ["http:", "https:"], problems),
    buildCaBundle: text(environment, "BUILD_CA_BUNDLE") ?? text(environment, "NODE_EXTRA_CA_CERTS"),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function signingKeysGiven(environment: Environment): boolean {
  return [
    text(environment, "SIGNING_KEYS_FILE"),
    text(environment, "SIGNING_KEYS"),
    text(environment, "SIGNING_KEY"),
  ].some((given) => given !== undefined);
}

function text(environment: Environment, name: string): string | undefined {
  return environment[name]?.trim() || undefined;
}

function url(
  environment: Environment,
  name: string,
  protocols: string[],
  problems: string[],
): string | undefined {
  const value = text(environment, name);
  if (value === undefined) return undefined;
  if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol)) {
    problems.push(
      `${name} must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
    );
  }
  return value;
}

function wholeNumber(
  environment: Environment,
  name: string,
  { fallback, least, most }: { fallback: number; least: number; most: number },
  problems: string[],
): number {
  const value = text(environment, name);
  if (value === undefined) return fallback;
  const read = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (read >= least && read <= most) return read;
  problems.push(`${name} must be a whole number from ${least} to ${most}, it is "${value}"`);
  return fallback;
}

function absolute(path: string): string {
  return isAbsolute(path) ? path : join(repositoryRoot, path);
}
