// Provides the Redis of an installation: the one at REDIS_URL, or else a private redis-server, or else a private container.

import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { poll, withDeadline } from "@slipway/async";
import { openRedis } from "@slipway/bus";
import type { Engine } from "../engine/engine-connection.ts";
import { readOrCreate, readText, writePrivate } from "../files.ts";
import type { Installation } from "../installation.ts";
import { findProgram } from "../machine/find-program.ts";
import { step } from "../progress.ts";
import type { PrintLine } from "../progress.ts";
import { reasonOf, SetupError } from "../setup-error.ts";
import { choosePort } from "./ports.ts";
import { rememberedPort, rememberPort, runningServer, startServer } from "./private-server.ts";
import type { PrivateServer } from "./private-server.ts";
import { ensureRedisUsers } from "./redis-users.ts";
import type { RedisUrls } from "./redis-users.ts";
import { ensureServiceContainer } from "./service-container.ts";
import { withoutPassword } from "./shown-url.ts";

const name = "redis" as const;
/** Passes the password on standard input, because every user of the machine can see arguments. */
const containerCommand = `exec redis-server - <<END
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
hash-max-ziplist-value 512
hz 5
requirepass $REDIS_PASSWORD
END`;
const oldestVersion = [6, 2];
/** Long, because Redis reads the whole append-only file before it responds. */
const startTimeoutMs = 60_000;
const connectLimitMs = 10_000;
const everyMs = 100;

export interface ProvidedRedis {
  /** URL of a user with all rights. */
  redisUrl: string;
  /** URLs of the users for each kind of process; undefined for an operator's Redis, whose users the operator manages. */
  redisUrls?: RedisUrls;
}

/** Returns the URLs of a responding Redis, with passwords. Throws SetupError with what to do. */
export async function ensureRedis(
  installation: Installation,
  given: string | undefined,
  engine: Engine,
  printLine: PrintLine,
): Promise<ProvidedRedis> {
  if (given !== undefined) return { redisUrl: await useGiven(given, step(printLine, name).report) };
  const redisUrl = await ensurePrivate(installation, engine, printLine);
  return { redisUrl, redisUrls: await ensureRedisUsers(redisUrl, installation.id) };
}

async function ensurePrivate(
  installation: Installation,
  engine: Engine,
  printLine: PrintLine,
): Promise<string> {
  const { report, during } = step(printLine, name);
  const folder = join(installation.dataDir, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { text: password } = await readOrCreate(join(folder, "password"), () =>
    randomBytes(24).toString("hex"),
  );
  const server = {
    name,
    installationId: installation.id,
    dataDir: installation.dataDir,
    folder,
    answeringUrl: (port: number) => answeringUrl(port, password),
    startTimeoutMs,
  };
  const running = await runningServer(server);
  if (running !== undefined) {
    report(`running, ${withoutPassword(running)}`);
    return running;
  }
  const url = await during("starting a private redis", () => start(server, password, installation, engine));
  report(`started, ${withoutPassword(url)}`);
  return url;
}

/** The URL of the private Redis of the installation in `dataDir`; undefined when it does not respond. */
export async function privateRedisUrl(dataDir: string): Promise<string | undefined> {
  const folder = join(dataDir, name);
  const [port, password] = await Promise.all([rememberedPort(folder), readText(join(folder, "password"))]);
  return port === undefined || password === undefined ? undefined : answeringUrl(port, password.trim());
}

/**
 * The configuration of the private server. No key is evicted, and a crash loses at most one second of writes. A job's values are stored
 * in the compact format, which halves its size. While nothing happens, the server wakes up half as often as by default.
 */
export function redisConfiguration(folder: string, port: number, password: string): string {
  return `bind 127.0.0.1
port ${port}
protected-mode yes
requirepass ${password}
dir ${JSON.stringify(folder)}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
hash-max-ziplist-value 512
hz 5
daemonize no
`;
}

/** Whether the queue supports this Redis version, judged by its major and minor numbers. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestVersion;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

async function useGiven(url: string, report: (text: string) => void): Promise<string> {
  try {
    const version = await versionOf(url);
    if (!isNewEnough(version))
      throw new SetupError(
        `The Redis at REDIS_URL has version ${version}: Slipway needs ${oldestVersion.join(".")} or newer.`,
      );
    report(`using ${withoutPassword(url)} (${version})`);
    return url;
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(
      `REDIS_URL=${withoutPassword(url)} does not answer (${reasonOf(error)}): start it, or unset REDIS_URL to use a private one.`,
    );
  }
}

async function start(
  server: PrivateServer,
  password: string,
  installation: Installation,
  engine: Engine,
): Promise<string> {
  const path = await findProgram("redis-server");
  if (path === undefined) return startContainer(installation, engine, server.folder, password);
  const file = join(server.folder, "redis.conf");
  const configure = (port: number) => writePrivate(file, redisConfiguration(server.folder, port, password));
  return startServer(server, { path, arguments: [file], configure });
}

async function startContainer(
  installation: Installation,
  engine: Engine,
  folder: string,
  password: string,
): Promise<string> {
  const port = await choosePort(await rememberedPort(folder));
  const bound = await ensureServiceContainer(installation, engine, {
    name,
    image: "redis:7",
    port,
    innerPort: 6379,
    dataPath: "/data",
    command: ["sh", "-c", containerCommand],
    environment: [`REDIS_PASSWORD=${password}`],
    user: name,
    installHint: "apt-get install redis-server",
    variable: "REDIS_URL",
  });
  await rememberPort(folder, bound);
  const url = await poll(() => answeringUrl(bound, password), { everyMs, limitMs: startTimeoutMs });
  if (url === undefined)
    throw new SetupError("The private redis container does not answer: see docker logs, or set REDIS_URL.");
  return url;
}

async function answeringUrl(port: number, password: string): Promise<string | undefined> {
  const url = `redis://:${password}@127.0.0.1:${port}`;
  return versionOf(url).then(
    () => url,
    () => undefined,
  );
}

async function versionOf(url: string): Promise<string> {
  const client = openRedis(url, { lazyConnect: true, maxRetriesPerRequest: 0 });
  let reason: unknown;
  client.on("error", (error: Error) => (reason = "lastNodeError" in error ? error.lastNodeError : error));
  try {
    // Sentinels, and the nodes of a cluster, are queried repeatedly until one responds.
    await withDeadline(client.connect(), { limitMs: connectLimitMs });
    if ((await client.ping()) !== "PONG") throw new Error("unexpected answer to PING");
    return /redis_version:(\S+)/.exec(await client.info("server"))?.[1] ?? "0";
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
}
