// The log path: lines per second from a build's output to the stored log, and to the sockets of followers, each compared with its limit.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import type { Store } from "@slipway/core";
import { secretsOf } from "@slipway/logs";
import type { LogWriter } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import { createLogger } from "@slipway/service";
import { openStore } from "@slipway/store";
import { readConfig, startStream } from "@slipway/stream";
import { freePort, startRedis } from "@slipway/testkit";
import { newUser, withLog } from "./logs/with-log.ts";
import type { LogBench } from "./logs/with-log.ts";
import { wantsRow } from "./rows.ts";
import { followersRows } from "./logs/many-followers.ts";
import { containerRow } from "./logs/container.ts";
import { openSocket, untilText } from "./logs/sockets.ts";
import { compare, print, units } from "./measure.ts";
import { telemetryRows } from "./logs/telemetry.ts";

const recordLines = 100_000;
const audiences = [
  { followers: 1, lineCount: 50_000 },
  { followers: 20, lineCount: 5_000 },
];
const latencyRate = 1_000;
const latencyLines = 3_000;
const latencyQuantiles = [
  ["p50", 0.5],
  ["p99", 0.99],
] as const;
const chunkBytes = 32 * 1024;
const batchLines = 1_000;
const inFlight = 16;
const secrets = secretsOf([
  { name: "API_KEY", value: "correct-horse-battery-staple" },
  { name: "DATABASE_URL", value: "postgres://app:postgres-password-1234@db.example/app" },
]);

const lines = Array.from(
  { length: recordLines },
  (_, index) => `       added package-${index}@${index % 20}.${index % 7}.0 from https://registry.example/`,
);

await using opened = new AsyncDisposableStack();
const server = opened.use(await startRedis());
const directory = await mkdtemp(join(tmpdir(), "slipway-bench-"));
opened.defer(() => rm(directory, { recursive: true, force: true }));
const environment = {
  DATA_DIR: directory,
  REDIS_URL: server.url,
  INSTALLATION_ID: "bench",
  SIGNING_KEY: "0123456789abcdef".repeat(4),
  STREAM_PORT: String(await freePort()),
};
const config = readConfig(environment);
const keys = redisKeys(config.installationId);
const store: Store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
const redis = opened.adopt(new Redis(server.url, { maxRetriesPerRequest: null }), (client) =>
  client.disconnect(),
);
const stream = await startStream(config, createLogger({ name: "stream", level: "silent" }));
opened.defer(() => stream.stop({ graceMs: 0 }));
const part = {
  store,
  bus: { redis, keys },
  secrets,
  environment,
  port: config.server.port,
  users: [await newUser(store)],
} satisfies LogBench;

print(
  `lines of ${Math.round(lines.join("").length / lines.length)} bytes, ${secrets.length} secrets to mask`,
);
const recordRow = `${recordLines} lines to Redis and the record`;
if (wantsRow(recordRow))
  await compare(recordRow, [
    { name: "Redis alone: XADD and PUBLISH, pipelined", run: rawRedis },
    { name: "the log's writer: masked, fenced, stored", run: () => followed(0, recordLines) },
  ]);
await telemetryRows(part, { lines, writeChunks });
for (const { followers, lineCount } of audiences) {
  const name = `${lineCount} lines to ${followers} follower${followers === 1 ? "" : "s"}, each line counted once`;
  if (wantsRow(name))
    await compare(name, [
      { name: "ws alone: a send per line and client", run: () => rawSockets(followers, lineCount) },
      { name: "writer, Redis, stream, sockets", run: () => followed(followers, lineCount) },
    ]);
}

for (const [shown, quantile] of latencyQuantiles) {
  const name = `latency at ${latencyRate} lines/s, ${shown}: from the output to a follower's socket`;
  if (wantsRow(name))
    await compare(
      name,
      [
        { name: "Redis alone: PUBLISH to a subscriber", run: () => redisLatency(quantile) },
        { name: "writer, Redis, stream, socket", run: () => followedLatency(quantile) },
      ],
      { unit: units.milliseconds, warmUps: 1, rounds: 5 },
    );
}
await containerRow(part);
await followersRows(part);

/** Milliseconds from a line's publication to its receipt, on a separate connection. */
async function redisLatency(quantile: number): Promise<number> {
  const channel = randomUUID();
  const subscriber = redis.duplicate();
  const received = new Map<string, number>();
  subscriber.on("message", (_channel, line) => received.set(line, performance.now()));
  await subscriber.subscribe(channel);
  const sent = await atRate((line) => void redis.publish(channel, line));
  await redis.publish(channel, "end");
  while (!received.has("end")) await new Promise((resolve) => setImmediate(resolve));
  subscriber.disconnect();
  return quantileOf(sent, received, quantile);
}

/** Milliseconds from a line of output to a follower's socket, with the real components. */
async function followedLatency(quantile: number): Promise<number> {
  const received = new Map<string, number>();
  const onData = (chunk: Buffer): void => {
    const at = performance.now();
    for (const [line] of chunk.toString("latin1").matchAll(/line-\d+-/g)) received.set(line, at);
  };
  let sent: ReadonlyMap<string, number> = new Map();
  await withLog(part, { followers: 1, onData }, async (log) => {
    sent = await atRate((line) => void log.write(Buffer.from(`${line}\n`)));
  });
  return quantileOf(sent, received, quantile);
}

/** Writes numbered lines at the rate. @returns the time when each line was written. */
async function atRate(write: (line: string) => void): Promise<ReadonlyMap<string, number>> {
  const sent = new Map<string, number>();
  const startedAt = performance.now();
  while (sent.size < latencyLines) {
    const due = Math.min(latencyLines, ((performance.now() - startedAt) / 1_000) * latencyRate);
    while (sent.size < due) {
      const line = `line-${sent.size}-`;
      sent.set(line, performance.now());
      write(line);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return sent;
}

function quantileOf(
  sent: ReadonlyMap<string, number>,
  received: ReadonlyMap<string, number>,
  quantile: number,
): number {
  const times = [...sent].map(([line, at]) => (received.get(line) ?? Number.NaN) - at);
  if (times.some(Number.isNaN)) throw new Error("a line did not arrive");
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * quantile)] ?? 0;
}

/** Sends the same batches to Redis, without any other work. */
async function rawRedis(): Promise<number> {
  const [tail, channel] = [randomUUID(), randomUUID()];
  const startedAt = performance.now();
  const pending: Promise<unknown>[] = [];
  for (let first = 0; first < lines.length; first += batchLines) {
    const text = lines.slice(first, first + batchLines).join("\n");
    const message = JSON.stringify({ type: "log", deploymentId: tail, firstSeq: first + 1, text });
    pending.push(
      redis.xadd(tail, `${first + 1}-${batchLines}`, "m", message),
      redis.publish(channel, message),
    );
    if (pending.length >= inFlight * 2) await Promise.all(pending.splice(0, inFlight));
  }
  await Promise.all(pending);
  const rate = perSecond(startedAt, recordLines);
  await redis.del(tail);
  return rate;
}

/** Writes a whole log with the real components. Ends when the stored log is complete and every follower has the final status. */
async function followed(followers: number, lineCount: number): Promise<number> {
  let startedAt = 0;
  const logLineCount = await withLog(part, { followers }, async (log) => {
    startedAt = performance.now();
    await writeChunks(log, lineCount);
  });
  if (logLineCount !== lineCount) throw new Error(`the log has ${logLineCount} lines`);
  return perSecond(startedAt, lineCount);
}

async function writeChunks(log: LogWriter, lineCount: number): Promise<void> {
  const output = Buffer.from(`${lines.slice(0, lineCount).join("\n")}\n`);
  for (let at = 0; at < output.length; at += chunkBytes) {
    await log.write(output.subarray(at, at + chunkBytes));
    // Output comes from a socket: other work runs between two chunks.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Sends the same lines from a server without Redis, store or replay. */
async function rawSockets(clients: number, lineCount: number): Promise<number> {
  const webSockets = new WebSocketServer({ port: 0, perMessageDeflate: false });
  await once(webSockets, "listening");
  const { port } = webSockets.address() as AddressInfo;
  const address = { host: "127.0.0.1", port, path: "/" };
  const sockets = await Promise.all(Array.from({ length: clients }, () => openSocket(address)));
  const ended = sockets.map((socket) => untilText(socket, '"build-error"'));
  const id = randomUUID();
  const startedAt = performance.now();
  for (let first = 0; first < lineCount; first += batchLines) {
    for (const line of lines.slice(first, Math.min(first + batchLines, lineCount))) {
      const frame = JSON.stringify({ type: "log", id, data: { content: line } });
      for (const client of webSockets.clients) client.send(frame);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const client of webSockets.clients) client.send(JSON.stringify({ data: { status: "build-error" } }));
  await Promise.all(ended);
  const rate = perSecond(startedAt, lineCount);
  for (const socket of sockets) socket.destroy();
  webSockets.close();
  return rate;
}

function perSecond(startedAt: number, lineCount: number): number {
  return (lineCount / (performance.now() - startedAt)) * 1_000;
}
