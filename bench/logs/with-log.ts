// Writes the log of a deployment with the real writer, with followers on the real stream.

import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { newApiToken } from "@slipway/auth";
import { changeStatus, claim } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { deploymentEvents, openLogWriter } from "@slipway/logs";
import type { LogWriter, LogWriterOptions } from "@slipway/logs";
import { aNewDeployment, anApp, aUser } from "@slipway/testkit";
import { clientFrame, openSocket, untilText } from "./sockets.ts";

export interface LogBench {
  readonly store: Store;
  readonly bus: LogWriterOptions["bus"];
  readonly secrets: LogWriterOptions["secrets"];
  /** Environment variables of a stream. */
  readonly environment: Readonly<Record<string, string>>;
  /** Port of the stream. */
  readonly port: number;
  /** Users whose tokens the followers use in turns. */
  readonly users: readonly { readonly id: string; readonly token: string }[];
  /** The writer's clock; by default the system's. */
  readonly now?: () => Date;
}

export interface Audience {
  readonly followers: number;
  readonly onData?: (chunk: Buffer) => void;
  /** Called when all followers are connected. */
  readonly onReady?: () => Promise<void>;
}

/** How many followers connect at the same time. */
const connecting = 50;

/** Creates an operator with an API token. */
export async function newUser(store: Store): Promise<{ id: string; token: string }> {
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
  return { id: user.id, token };
}

/** Writes the log of a new deployment. Resolves when every follower has received the end. @returns the number of the log's lines. */
export async function withLog(
  bench: LogBench,
  { followers, onData, onReady }: Audience,
  write: (log: LogWriter) => Promise<void>,
): Promise<number> {
  const { store, bus, users, secrets } = bench;
  const ownerId = users[0]?.id ?? "";
  const app = anApp({ ownerId });
  await store.apps.create(app);
  const queued = await store.deployments.create(aNewDeployment({ appId: app.id, ownerId }));
  const deployment = await change(bench, claim(queued, 1, { at: new Date(), lineCount: 0 }));
  const sockets = await connectAll(bench, app.id, followers);
  const ended = sockets.map((socket) => untilText(socket, '"build-error"'));
  if (onData !== undefined) for (const socket of sockets) socket.on("data", onData);
  await onReady?.();
  await using log = await openLogWriter({
    bus,
    store,
    appId: app.id,
    deploymentId: deployment.id,
    attempt: 1,
    secrets,
    now: bench.now ?? (() => new Date()),
  });
  await write(log);
  const { lineCount, sha256: logSha256 } = await log.end();
  const end = { at: new Date(), lineCount, facts: { logLineCount: lineCount, logSha256 } };
  await change(bench, changeStatus(deployment, "build-error", end));
  await Promise.all(ended);
  for (const socket of sockets) socket.destroy();
  await store.logs.remove([deployment.id]);
  await bus.redis.del(bus.keys.logTail(deployment.id), bus.keys.logHead(deployment.id));
  return lineCount;
}

/** Connects the followers. Each of them has then received the status of the running deployment. */
async function connectAll({ port, users }: LogBench, appId: string, followers: number): Promise<Socket[]> {
  const address = { host: "127.0.0.1", port, path: `/apps/${appId}` };
  const sockets: Socket[] = [];
  while (sockets.length < followers) {
    const count = Math.min(connecting, followers - sockets.length);
    const opened = Array.from({ length: count }, async (_, index) => {
      const socket = await openSocket(address);
      const building = untilText(socket, '"building"');
      const { token } = users[(sockets.length + index) % users.length] ?? { token: "" };
      socket.write(clientFrame(JSON.stringify({ type: "auth", data: { token } })));
      await building;
      return socket;
    });
    sockets.push(...(await Promise.all(opened)));
  }
  return sockets;
}

async function change({ store, bus }: LogBench, to: Deployment): Promise<Deployment> {
  if (!(await store.deployments.compareAndSet(to)))
    throw new Error(`${to.id} was changed by another process`);
  await deploymentEvents(bus).statusChanged(to);
  return to;
}
