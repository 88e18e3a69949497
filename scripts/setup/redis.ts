// The Redis of an installation: the one REDIS_URL names, else a private redis-server, else a private container.
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Engine } from "./engine-connection.ts";
import { readOrMake, writePrivate } from "./files.ts";
import type { Installation } from "./installation.ts";
import { choosePort } from "./ports.ts";
import type { PrivateServer } from "./private-server.ts";
import { rememberedPort, rememberPort, runningServer, startServer } from "./private-server.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import { ensureServiceContainer } from "./service-container.ts";
import { reasonOf, SetupError } from "./setup-error.ts";
import { findProgram } from "./find-program.ts";
import { until } from "./waiting.ts";

const name = "redis";
/** The password by standard input: arguments are seen by every user of the machine. */
const containerCommand = `exec redis-server - <<END
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
requirepass $REDIS_PASSWORD
END`;
const oldestVersion = [6, 2];
/** A long append-only file is read before the first answer. */
const startTimeoutMs = 60_000;

/** Yields the URL of a Redis that answers, its password in it. Throws SetupError with what to do. */
export async function ensureRedis(
  installation: Installation,
  given: string | undefined,
  engine: Engine,
  say: Say,
): Promise<string> {
  const { tell, during } = step(say, name);
  if (given !== undefined) return useGiven(given, tell);
  const folder = join(installation.dataDir, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { text: password } = await readOrMake(join(folder, "password"), () =>
    randomBytes(24).toString("hex"),
  );
  const server = {
    name,
    dataDir: installation.dataDir,
    folder,
    answeringUrl: (port: number) => answeringUrl(port, password),
    startTimeoutMs,
  };
  const running = await runningServer(server);
  if (running !== undefined) {
    tell(`running, ${withoutPassword(running)}`);
    return running;
  }
  const url = await during("starting a private redis", () => start(server, password, installation, engine));
  tell(`started, ${withoutPassword(url)}`);
  return url;
}

/** The configuration of the private server. Nothing may ever be evicted, and a crash may cost a second at most. */
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
daemonize no
`;
}

/** Whether a server's version is one the queue works on; only the first two numbers count. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestVersion;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

async function useGiven(url: string, tell: (text: string) => void): Promise<string> {
  try {
    const version = await versionOf(url);
    if (!isNewEnough(version))
      throw new SetupError(
        `REDIS_URL names a Redis ${version}: ${oldestVersion.join(".")} or newer is needed.`,
      );
    tell(`using ${withoutPassword(url)} (${version})`);
    return url;
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(
      `REDIS_URL=${withoutPassword(url)} does not answer (${reasonOf(error)}): start that Redis, or unset REDIS_URL to get a private one.`,
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
  const url = await until(() => answeringUrl(bound, password), startTimeoutMs);
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
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 5_000,
    maxRetriesPerRequest: 0,
  });
  let reason: unknown;
  client.on("error", (error) => (reason = error));
  try {
    await client.connect();
    if ((await client.ping()) !== "PONG") throw new Error("it does not answer PING");
    return /redis_version:(\S+)/.exec(await client.info("server"))?.[1] ?? "0";
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = "";
  return shown.href.replace("//@", "//");
}
