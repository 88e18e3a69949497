// The memory of a stream process while 50 clients, fast and slow ones, follow the same finished log at the same time.

import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import { newApiToken } from "@slipway/auth";
import { changeStatus, claim } from "@slipway/core";
import type { App, Deployment, User } from "@slipway/core";
import { openLogWriter } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import { openStore } from "@slipway/store";
import { readConfig } from "@slipway/stream";
import { aNewDeployment, anApp, aUser, freePort, startRedis } from "@slipway/testkit";
import { print, units } from "./measure.ts";
import { peakMemoryBytes } from "./redeploy/peak-memory.ts";

const followers = 50;
const lineCount = 100_000;
/** 100,000 lines of this size are just below the limit of a log. */
const lineChars = 600;
const writeLines = 1_000;
/** A slow client pauses for this long after each chunk that it reads. */
const slowPauseMs = 20;

await using opened = new AsyncDisposableStack();
const redisServer = opened.use(await startRedis());
const directory = await mkdtemp(join(tmpdir(), "slipway-bench-"));
opened.defer(() => rm(directory, { recursive: true, force: true }));
const port = await freePort();
const environment = {
  DATA_DIR: directory,
  REDIS_URL: redisServer.url,
  INSTALLATION_ID: "bench",
  SIGNING_KEY: "0123456789abcdef".repeat(4),
  STREAM_PORT: String(port),
};
const store = opened.use(await openStore({ databaseUrl: readConfig(environment).databaseUrl }));
const redis = opened.adopt(new Redis(redisServer.url, { maxRetriesPerRequest: null }), (client) =>
  client.disconnect(),
);
const bus = { redis, keys: redisKeys(environment.INSTALLATION_ID) };
const user = aUser({ operator: true });
await store.users.create(user);
const token = await createToken(user);
const app = anApp({ ownerId: user.id });
await store.apps.create(app);
const deployment = await writeLog(app);

for (const [name, run] of [
  ["quick clients over WebSocket", () => overWebSocket(0)],
  ["slow clients over WebSocket", () => overWebSocket(slowPauseMs)],
  ["quick clients over socket.io", overSocketIo],
] as const) {
  await using stream = await startProcess();
  const before = await peakMemoryBytes(stream.pid);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: followers }, run));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const after = await peakMemoryBytes(stream.pid);
  print(
    `${followers} ${name}, ${lineCount} lines each: ${units.megabytes.shown(before)} before, at most ${units.megabytes.shown(after)}, in ${seconds} s`,
  );
}

async function startProcess() {
  const main = new URL("../apps/stream/src/main.ts", import.meta.url).pathname;
  const child = fork(main, { env: { ...process.env, ...environment, LOG_LEVEL: "error" } });
  await once(child, "message");
  const { pid = 0 } = child;
  return {
    pid,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/** Follows to the end without parsing the frames: the clients run in this process and have to be fast. */
async function overWebSocket(pauseMs: number): Promise<void> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/apps/${app.name}`, { perMessageDeflate: false });
  await once(client, "open");
  const ended = Promise.withResolvers<void>();
  let read = 0;
  client.on("close", (code, reason) => ended.reject(new Error(`closed with ${code}: ${reason.toString()}`)));
  client.on("message", (data: Buffer) => {
    if (data.includes('"build-error"')) ended.resolve();
    read += 1;
    if (pauseMs === 0 || read % 500 !== 0) return;
    client.pause();
    setTimeout(() => client.resume(), pauseMs);
  });
  client.send(JSON.stringify({ type: "auth", data: { token } }));
  await ended.promise;
  client.terminate();
}

/** Implements the protocol itself: the library's client would parse every event. */
async function overSocketIo(): Promise<void> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
  const ended = Promise.withResolvers<void>();
  const request = JSON.stringify(["subscribe", { app: app.id, deployment: deployment.id }]);
  client.on("close", (code) => ended.reject(new Error(`closed with ${code}`)));
  client.on("message", (data: Buffer) => {
    const start = data.toString("latin1", 0, 8);
    if (start.startsWith("0{")) client.send(`40${JSON.stringify({ token })}`);
    else if (start.startsWith("40")) client.send(`42${request}`);
    else if (start === "2") client.send("3");
    else if (start.startsWith('42["end"')) ended.resolve();
  });
  await ended.promise;
  client.terminate();
}

async function writeLog({ id: appId, ownerId }: App): Promise<Deployment> {
  const created = await store.deployments.create(aNewDeployment({ appId, ownerId, createdAt: new Date() }));
  await using log = await openLogWriter({
    bus,
    store,
    appId,
    deploymentId: created.id,
    attempt: 1,
    secrets: [],
    now: () => new Date(),
  });
  const claimed = claim(created, 1, { at: new Date(), lineCount: 0 });
  await store.deployments.compareAndSet(claimed);
  const text = `${"x".repeat(lineChars)}\n`.repeat(writeLines);
  for (let lines = 0; lines < lineCount; lines += writeLines) await log.write(Buffer.from(text));
  const { lineCount: logLineCount, sha256: logSha256 } = await log.end();
  const facts = { logLineCount, logSha256 };
  const ended = changeStatus(claimed, "build-error", { at: new Date(), lineCount: logLineCount, facts });
  await store.deployments.compareAndSet(ended);
  return ended;
}

async function createToken({ id: userId }: User): Promise<string> {
  const { secret, secretSha256 } = newApiToken();
  await store.tokens.create({
    id: randomUUID(),
    userId,
    name: "bench",
    secretSha256,
    createdAt: new Date(),
    lastUsedAt: null,
    parentId: null,
  });
  return secret;
}
