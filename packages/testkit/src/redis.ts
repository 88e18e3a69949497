// A Redis for one test file: a private process, or an empty database of the server that TEST_REDIS_URL names.

import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { endsWithin } from "@slipway/async";
import { servicesRequired, testRedisUrl } from "./config.ts";
import { freePort } from "./free-port.ts";

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** Id of the private process, for tests that pause or kill it; null on a shared server. */
  readonly pid: number | null;
}

const startBoundMs = 10_000;
const pollMs = 20;
const portAttempts = 3;
/** Marks a database of a shared server as used. After a test run was killed, it expires in `claimSeconds`. */
const claimKey = "slipway:test:claim";
const claimSeconds = 3_600;
const lastDatabase = 15;

/**
 * Whether tests that need Redis must be skipped, for `describe.skipIf`.
 * @throws in CI, naming what is missing: no test is skipped there.
 */
export async function lacksRedis(): Promise<boolean> {
  if (testRedisUrl !== undefined || (await hasRedisServer())) return false;
  if (servicesRequired) throw new Error("redis-server is missing: put it on PATH, or set TEST_REDIS_URL");
  return true;
}

/** Starts a redis-server that keeps nothing on disk, or claims an empty database of the server of TEST_REDIS_URL. */
export async function startRedis(): Promise<TestRedis> {
  return testRedisUrl === undefined ? startPrivateRedis() : claimDatabase(testRedisUrl);
}

/** A private redis-server, which a test may kill and start again. */
export interface PrivateRedis extends TestRedis {
  readonly pid: number;
  /** Ends it like a crash. */
  kill(): Promise<void>;
  /** Restarts it on its port, with the data in its folder. */
  start(): Promise<void>;
}

/**
 * @param folder where it keeps an append-only file, written every second; without one it keeps nothing.
 * @param settings further arguments of redis-server.
 */
export async function startPrivateRedis(
  folder?: string,
  settings: readonly string[] = [],
): Promise<PrivateRedis> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const launchAgain = () => launch(port, folder, settings);
    const process = await launchAgain();
    if (typeof process !== "string") return privateRedis(port, process, launchAgain);
    if (attempt === portAttempts) throw new Error(`redis-server did not start: ${process}`);
  }
}

interface RedisProcess {
  readonly server: ChildProcess;
  readonly exit: Promise<string>;
}

/** @returns why the process ended, if it does not answer. */
async function launch(
  port: number,
  folder: string | undefined,
  settings: readonly string[],
): Promise<RedisProcess | string> {
  const durable = folder === undefined ? ["--appendonly", "no"] : ["--appendonly", "yes", "--dir", folder];
  // A title would overwrite the environment, by which npm run down finds the leftovers of a killed run.
  const fixed = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--set-proc-title", "no"];
  const asProvided = ["--hash-max-ziplist-value", "512"];
  const server = spawn("redis-server", [...fixed, ...asProvided, ...durable, ...settings], {
    stdio: "ignore",
  });
  const killOnExit = () => server.kill("SIGKILL");
  process.once("exit", killOnExit);
  const exit = exitOf(server).finally(() => process.off("exit", killOnExit));
  if (await answers(urlOf(port), exit)) return { server, exit };
  server.kill("SIGKILL");
  return exit;
}

function privateRedis(
  port: number,
  first: RedisProcess,
  launchAgain: () => Promise<RedisProcess | string>,
): PrivateRedis {
  let { server, exit } = first;
  // SIGKILL, since a test may have paused the process, and none of its data is kept.
  const kill = async () => {
    server.kill("SIGKILL");
    await exit;
  };
  return {
    url: urlOf(port),
    get pid() {
      return server.pid ?? 0;
    },
    kill,
    async start() {
      const again = await launchAgain();
      if (typeof again === "string") throw new Error(`redis-server did not start again: ${again}`);
      ({ server, exit } = again);
    },
    [Symbol.asyncDispose]: kill,
  };
}

function urlOf(port: number): string {
  return `redis://127.0.0.1:${port}/0`;
}

/** How the process ended, also if it could not start. Never rejects. */
async function exitOf(server: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(server, "exit")) as [number | null, string | null];
    return `it ended with ${signal ?? `exit code ${code}`}`;
  } catch (error) {
    return String(error);
  }
}

async function answers(url: string, exit: Promise<string>): Promise<boolean> {
  for (const deadline = Date.now() + startBoundMs; Date.now() < deadline;) {
    if (await ping(url)) return true;
    if (await endsWithin(exit, pollMs)) return false;
  }
  return false;
}

async function ping(url: string): Promise<boolean> {
  const redis = connection(url);
  try {
    await redis.connect();
    return (await redis.ping()) === "PONG";
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

/** All databases of a server share pub/sub: tests distinguish their channels by ids. */
async function claimDatabase(serverUrl: string): Promise<TestRedis> {
  for (let database = lastDatabase; database > 0; database -= 1) {
    const url = new URL(serverUrl);
    url.pathname = `/${database}`;
    const redis = connection(url.href);
    await redis.connect();
    const empty = (await redis.dbsize()) === 0;
    if (empty && (await redis.set(claimKey, process.pid, "EX", claimSeconds, "NX")) === "OK") {
      return sharedRedis(url.href, redis);
    }
    redis.disconnect();
  }
  throw new Error(`the Redis at TEST_REDIS_URL has no empty database from 1 to ${lastDatabase}`);
}

function sharedRedis(url: string, redis: Redis): TestRedis {
  return {
    url,
    pid: null,
    [Symbol.asyncDispose]: async () => {
      try {
        await redis.flushdb();
      } finally {
        redis.disconnect();
      }
    },
  };
}

function connection(url: string): Redis {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  // A failing call rejects; the event repeats the error, and would end the process without a listener.
  redis.on("error", () => undefined);
  return redis;
}

async function hasRedisServer(): Promise<boolean> {
  try {
    await promisify(execFile)("redis-server", ["--version"]);
    return true;
  } catch {
    return false;
  }
}
