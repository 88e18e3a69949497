// A Redis with a replica and a Sentinel that makes the replica the primary when the primary fails. All are private processes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdtempDisposable, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { startPrivateRedis } from "./redis.ts";

export interface SentinelRedis extends AsyncDisposable {
  /** The URL by which clients find the primary. */
  readonly url: string;
  /** Kills the primary. Resolves when the Sentinel names the former replica as the primary. */
  failOver(): Promise<void>;
}

const primaryName = "slipway";
/** Longer than a pause of a busy machine, so that only a real failure causes a failover. */
const downAfterMs = 3_000;

export async function startSentinelRedis(): Promise<SentinelRedis> {
  await using opened = new AsyncDisposableStack();
  const primary = opened.use(await startPrivateRedis(await newFolder(opened)));
  const replica = opened.use(await startPrivateRedis(await newFolder(opened)));
  const [primaryPort, replicaPort] = [portOf(primary.url), portOf(replica.url)];
  await replicate(replica.url, primaryPort);
  const sentinelPort = await freePort();
  const sentinel = opened.use(await startSentinel(sentinelPort, primaryPort));
  // Before that it would find no replica to promote.
  await eventually(async () => (await sentinel.replicas()).length === 1);
  const own = opened.move();
  return {
    url: `redis+sentinel://127.0.0.1:${sentinelPort}/${primaryName}/0`,
    async failOver() {
      await primary.kill();
      await eventually(async () => (await sentinel.primaryPort()) === replicaPort);
    },
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  };
}

/** A server writes the snapshots of a replication to its folder. */
async function newFolder(opened: AsyncDisposableStack): Promise<string> {
  return opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-redis-"))).path;
}

async function replicate(url: string, primaryPort: number): Promise<void> {
  const client = new Redis(url);
  try {
    await client.replicaof("127.0.0.1", primaryPort);
    await eventually(async () => (await client.info("replication")).includes("master_link_status:up"));
  } finally {
    client.disconnect();
  }
}

async function startSentinel(port: number, primaryPort: number) {
  const folder = await mkdtemp(join(tmpdir(), "slipway-sentinel-"));
  const file = join(folder, "sentinel.conf");
  const settings = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor ${primaryName} 127.0.0.1 ${primaryPort} 1`,
    `sentinel down-after-milliseconds ${primaryName} ${downAfterMs}`,
    `sentinel failover-timeout ${primaryName} 10000`,
  ];
  await writeFile(file, `${settings.join("\n")}\n`);
  const server = spawn("redis-server", [file, "--sentinel"], { stdio: "ignore" });
  const killOnExit = () => server.kill("SIGKILL");
  process.once("exit", killOnExit);
  const client = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null, retryStrategy: () => 50 });
  // It does not listen at once; the calls below wait for it.
  client.on("error", () => undefined);
  return {
    replicas: async () => (await client.call("SENTINEL", "REPLICAS", primaryName)) as readonly unknown[],
    primaryPort: async () => {
      const [, found] = (await client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", primaryName)) as string[];
      return Number(found);
    },
    async [Symbol.asyncDispose]() {
      process.off("exit", killOnExit);
      client.disconnect();
      const exit = server.exitCode === null ? once(server, "exit") : undefined;
      server.kill("SIGKILL");
      await exit;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
