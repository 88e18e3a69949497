// A Redis Cluster of three masters with a replica each. All are private processes.

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { startPrivateRedis } from "./redis.ts";
import type { PrivateRedis } from "./redis.ts";

export interface RedisCluster extends AsyncDisposable {
  /** The URL of all nodes. */
  readonly url: string;
  /** Kills the master that has the key. Resolves when its replica is the master, and the cluster serves all keys. */
  failOver(key: string): Promise<void>;
  /** Pauses the process of the node. Resolves when the cluster serves all keys without it. */
  freeze(port: number): Promise<void>;
  /** Kills all nodes. */
  kill(): Promise<void>;
  /** Starts all nodes again. Resolves when the cluster serves all keys. */
  start(): Promise<void>;
}

const masterCount = 3;
const slotCount = 16_384;
/** Longer than a pause of a busy machine, so that only a real failure causes a failover. */
const nodeTimeoutMs = 3_000;

interface ClusterNode {
  readonly server: PrivateRedis;
  readonly client: Redis;
  readonly port: number;
  readonly busPort: number;
}

interface Shard {
  readonly master: ClusterNode;
  readonly replica: ClusterNode;
  readonly firstSlot: number;
  readonly lastSlot: number;
}

/** Needs Redis 7. */
export async function startRedisCluster(): Promise<RedisCluster> {
  await using opened = new AsyncDisposableStack();
  const shards: Shard[] = [];
  for (let at = 0; at < masterCount; at += 1) {
    const [master, replica] = [await startNode(opened), await startNode(opened)];
    const firstSlot = Math.ceil((at * slotCount) / masterCount);
    const lastSlot = Math.ceil(((at + 1) * slotCount) / masterCount) - 1;
    shards.push({ master, replica, firstSlot, lastSlot });
  }
  const nodes = shards.flatMap(({ master, replica }) => [master, replica]);
  await connectNodes(nodes);
  for (const { master, replica, firstSlot, lastSlot } of shards) {
    await master.client.cluster("ADDSLOTSRANGE", firstSlot, lastSlot);
    const masterId = await master.client.cluster("MYID");
    await replica.client.cluster("REPLICATE", masterId);
  }
  await serveAll(nodes);
  for (const { replica } of shards)
    await eventually(async () => {
      const info = await replica.client.info("replication");
      return info.includes("role:slave") && info.includes("master_link_status:up");
    });
  for (const { client } of nodes)
    await eventually(async () => (await servingPorts(client)).size === nodes.length);
  const own = opened.move();
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    async failOver(key) {
      const { master, replica } = await shardOf(shards, key);
      await master.server.kill();
      await eventually(async () => (await replica.client.role())[0] === "master");
      await serveAll(nodes.filter((node) => node !== master));
    },
    async freeze(port) {
      const others = nodes.filter((node) => node.port !== port);
      for (const { server } of nodes.filter((node) => !others.includes(node)))
        process.kill(server.pid, "SIGSTOP");
      for (const { client } of others) await eventually(() => hasFailed(client, port));
      await serveAll(others);
    },
    async kill() {
      for (const { server } of nodes) await server.kill();
    },
    async start() {
      for (const { server } of nodes) await server.start();
      await serveAll(nodes);
    },
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  };
}

async function startNode(opened: AsyncDisposableStack): Promise<ClusterNode> {
  const { path } = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-redis-")));
  const busPort = await freePort();
  const settings = Object.entries({
    "cluster-enabled": "yes",
    "cluster-config-file": "nodes.conf",
    "cluster-node-timeout": String(nodeTimeoutMs),
    "cluster-port": String(busPort),
  }).flatMap(([name, value]) => [`--${name}`, value]);
  const server = opened.use(await startPrivateRedis(path, settings));
  const client = opened.adopt(new Redis(server.url), (redis) => redis.disconnect());
  // Its server may be killed.
  client.on("error", () => undefined);
  return { server, client, port: Number(new URL(server.url).port), busPort };
}

/** A node forgets a handshake that takes too long, as on a busy machine, so nodes that are missing are introduced again. */
async function connectNodes(nodes: readonly ClusterNode[]): Promise<void> {
  const [first, ...others] = nodes;
  if (first === undefined) return;
  for (const [index, { client }] of nodes.entries()) await client.cluster("SET-CONFIG-EPOCH", index + 1);
  await eventually(async () => {
    const known = await knownNodes(first.client);
    const missing = others.filter(({ port }) => !known.some((line) => line.includes(`:${port}@`)));
    for (const { port, busPort } of missing) await first.client.cluster("MEET", "127.0.0.1", port, busPort);
    return isComplete(known, nodes);
  });
  for (const { client } of others) await eventually(async () => isComplete(await knownNodes(client), nodes));
}

function isComplete(known: readonly string[], nodes: readonly ClusterNode[]): boolean {
  return known.length === nodes.length && !known.some((line) => line.includes("handshake"));
}

/** The lines of `CLUSTER NODES`. */
async function knownNodes(client: Redis): Promise<string[]> {
  const text = String(await client.cluster("NODES"));
  return text.trim().split("\n");
}

async function serveAll(nodes: readonly ClusterNode[]): Promise<void> {
  for (const { client } of nodes)
    await eventually(async () => (await client.cluster("INFO")).includes("cluster_state:ok"));
}

/** The ports of the masters and replicas that a node names to clients. It learns from the others which node is a replica. */
async function servingPorts(client: Redis): Promise<ReadonlySet<number>> {
  const ranges = await client.cluster("SLOTS");
  return new Set(ranges.flatMap(([, , ...serving]) => serving.map(([, port]) => port)));
}

async function hasFailed(client: Redis, port: number): Promise<boolean> {
  const lines = await knownNodes(client);
  return lines.some((line) => line.includes(`:${port}@`) && /[ ,]fail[ ,]/.test(line));
}

async function shardOf(shards: readonly Shard[], key: string): Promise<Shard> {
  const slot = Number(await shards[0]?.master.client.cluster("KEYSLOT", key));
  const found = shards.find(({ firstSlot, lastSlot }) => slot >= firstSlot && slot <= lastSlot);
  if (found === undefined) throw new Error(`no node has the key ${key}`);
  return found;
}
