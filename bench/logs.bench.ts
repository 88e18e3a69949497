// The log path: lines a second from a build's output to the record, and to the sockets of followers, each beside its limit.

import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { newApiToken } from "@slipway/auth";
import { changeStatus, claim } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { deploymentEvents, type LogWriter, openLogWriter, secretsOf } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import { createLogger } from "@slipway/service";
import { openStore } from "@slipway/store";
import { readConfig, startStream } from "@slipway/stream";
import { aNewDeployment, anApp, aUser, freePort, startRedis } from "@slipway/testkit";
import { compare, print, units } from "./measure.ts";

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
const config = readConfig({
  DATA_DIR: directory,
  REDIS_URL: server.url,
  INSTALLATION_ID: "bench",
  SIGNING_KEY: "0123456789abcdef".repeat(4),
  STREAM_PORT: String(await freePort()),
});
const keys = redisKeys(config.installationId);
const store: Store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
const redis = opened.adopt(new Redis(server.url, { maxRetriesPerRequest: null }), (client) =>
  client.disconnect(),
);
const stream = await startStream(config, createLogger({ name: "stream", level: "silent" }));
opened.defer(() => stream.stop({ graceMs: 0 }));
const user = aUser({ operator: true });
await store.users.create(user);
const { secret: token, secretSha256 } = newApiToken();
await store.tokens.create({
  id: randomUUID(),
  userId: user.id,
  name: "bench",
  secretSha256,
  createdAt: new Date(),
  lastUsedAt: null,
  parentId: null,
});

print(
  `lines of ${Math.round(lines.join("").length / lines.length)} bytes, ${secrets.length} secrets to mask`,
);
await compare(`${recordLines} lines to Redis and the record`, [
  { name: "Redis alone: XADD and PUBLISH, pipelined", run: rawRedis },
  { name: "the log's writer: masked, fenced, stored", run: () => followed(0, recordLines) },
]);
for (const { followers, lineCount } of audiences) {
  await compare(
    `${lineCount} lines to ${followers} follower${followers === 1 ? "" : "s"}, each line counted once`,
    [
      { name: "ws alone: a send per line and client", run: () => rawSockets(followers, lineCount) },
      { name: "writer, Redis, stream, sockets", run: () => followed(followers, lineCount) },
    ],
  );
}

for (const [name, quantile] of latencyQuantiles)
  await compare(
    `latency at ${latencyRate} lines/s, ${name}: from the output to a follower's socket`,
    [
      { name: "Redis alone: PUBLISH to a subscriber", run: () => redisLatency(quantile) },
      { name: "writer, Redis, stream, socket", run: () => followedLatency(quantile) },
    ],
    { unit: units.milliseconds, warmUps: 1, rounds: 5 },
  );

/** Milliseconds from a line's publication to its receipt, over a connection of its own. */
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

/** Milliseconds from a line of output to a follower's socket, by the real parts. */
async function followedLatency(quantile: number): Promise<number> {
  const received = new Map<string, number>();
  const onData = (chunk: Buffer): void => {
    const at = performance.now();
    for (const [line] of chunk.toString("latin1").matchAll(/line-\d+-/g)) received.set(line, at);
  };
  let sent: ReadonlyMap<string, number> = new Map();
  await withLog({ followers: 1, onData }, async (log) => {
    sent = await atRate((line) => void log.write(Buffer.from(`${line}\n`)));
  });
  return quantileOf(sent, received, quantile);
}

/** Writes numbered lines at the rate. @returns when each was written. */
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

/** The same batches, without any of the work. */
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

/** A whole log by the real parts. Done when its record is complete and every follower has the final status. */
async function followed(followers: number, lineCount: number): Promise<number> {
  const output = Buffer.from(`${lines.slice(0, lineCount).join("\n")}\n`);
  let startedAt = 0;
  const logLineCount = await withLog({ followers }, async (log) => {
    startedAt = performance.now();
    for (let at = 0; at < output.length; at += chunkBytes) {
      await log.write(output.subarray(at, at + chunkBytes));
      // output comes from a socket: other work runs between two chunks
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  if (logLineCount !== lineCount) throw new Error(`the log has ${logLineCount} lines`);
  return perSecond(startedAt, lineCount);
}

interface Audience {
  readonly followers: number;
  readonly onData?: (chunk: Buffer) => void;
}

/** Writes the log of a new deployment. Resolves when every follower has its end. @returns the number of its lines. */
async function withLog(
  { followers, onData }: Audience,
  write: (log: LogWriter) => Promise<void>,
): Promise<number> {
  const app = anApp({ ownerId: user.id });
  await store.apps.create(app);
  let deployment = await store.deployments.create(aNewDeployment({ appId: app.id, ownerId: user.id }));
  const address = { host: "127.0.0.1", port: config.server.port, path: `/apps/${app.id}` };
  const sockets = await Promise.all(Array.from({ length: followers }, () => openSocket(address)));
  const ended = sockets.map((socket) => untilText(socket, '"build-error"'));
  for (const socket of sockets) {
    if (onData !== undefined) socket.on("data", onData);
    socket.write(clientFrame(JSON.stringify({ type: "auth", data: { token } })));
  }
  deployment = await change(deployment, claim(deployment, 1, { at: new Date(), lineCount: 0 }));
  await Promise.all(sockets.map((socket) => untilText(socket, '"building"')));
  await using log = await openLogWriter({
    bus: { redis, keys },
    store,
    appId: app.id,
    deploymentId: deployment.id,
    attempt: 1,
    secrets,
    now: () => new Date(),
  });
  await write(log);
  const { lineCount, sha256: logSha256 } = await log.end();
  const end = { at: new Date(), lineCount, facts: { logLineCount: lineCount, logSha256 } };
  await change(deployment, changeStatus(deployment, "build-error", end));
  await Promise.all(ended);
  for (const socket of sockets) socket.destroy();
  await store.logs.remove([deployment.id]);
  await redis.del(keys.logTail(deployment.id), keys.logHead(deployment.id));
  return lineCount;
}

/** As a server without Redis, store or replay would send the same lines. */
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

async function change(from: Deployment, to: Deployment): Promise<Deployment> {
  if (!(await store.deployments.compareAndSet(to)))
    throw new Error(`${from.id} was changed by another process`);
  await deploymentEvents({ redis, keys }).statusChanged(to);
  return to;
}

/** A cheap client: it reads bytes and parses no frames. */
async function openSocket({
  host,
  port,
  path,
}: {
  host: string;
  port: number;
  path: string;
}): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, "connect");
  const key = randomBytes(16).toString("base64");
  const upgraded = untilText(socket, "\r\n\r\n");
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  await upgraded;
  return socket;
}

/** Resolves when the text stands in what the socket sends, or lies across two of its chunks. */
function untilText(socket: Socket, text: string): Promise<void> {
  const found = Promise.withResolvers<void>();
  let rest = Buffer.alloc(0);
  const look = (chunk: Buffer) => {
    const seam = Buffer.concat([rest, chunk.subarray(0, text.length)]);
    if (!chunk.includes(text) && !seam.includes(text)) {
      rest = Buffer.from(chunk.subarray(-text.length));
      return;
    }
    socket.off("data", look);
    found.resolve();
  };
  socket.on("data", look);
  socket.once("close", () => found.reject(new Error("the server closed the connection")));
  return found.promise;
}

/** A masked text frame with a payload below 64 KiB, as clients send it. */
function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([header, payload]);
}

function perSecond(startedAt: number, lineCount: number): number {
  return (lineCount / (performance.now() - startedAt)) * 1_000;
}
