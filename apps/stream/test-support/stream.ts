// Starts the stream for tests, on a real database and a real Redis, and connects real clients.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis } from "ioredis";
import { WebSocket } from "ws";
import { newApiToken, openAuth, openSigningKeys } from "@slipway/auth";
import type { Auth } from "@slipway/auth";
import type { Bus } from "@slipway/bus";
import { changeStatus, claim } from "@slipway/core";
import type { App, Deployment, FinalStatus, PhaseRecord, RunningStatus, Store, User } from "@slipway/core";
import { deploymentEvents, openLogWriter } from "@slipway/logs";
import type { LogWriter, LogWriterOptions } from "@slipway/logs";
import { redisKeys, serverFrame } from "@slipway/protocol";
import type { ServerFrame } from "@slipway/protocol";
import { createLogger } from "@slipway/service";
import type { Environment, Service } from "@slipway/service";
import { openStore } from "@slipway/store";
import { aNewDeployment, anApp, aUser, freePort, startRedis } from "@slipway/testkit";
import { startStream } from "../src/app.ts";
import { readConfig } from "../src/config.ts";
import type { ConnectionLimits } from "../src/limits.ts";

export interface TestStream extends AsyncDisposable {
  readonly url: string;
  readonly service: Service;
  readonly store: Store;
  /** The stream's log lines at level error. */
  readonly errors: readonly string[];
  /** Creates a user with an API token and a JWT. */
  newUser(values?: Partial<User>): Promise<{ user: User; token: string; jwt: string }>;
  newApp(owner: User): Promise<App>;
  /** Creates a deployment of the app. */
  deploy(app: App): Promise<Run>;
  /** @param headers of the upgrade request. */
  connect(path: string, origin?: string, headers?: Readonly<Record<string, string>>): Client;
}

export async function startTestStream(
  limits: Partial<ConnectionLimits> = {},
  environment: Environment = {},
): Promise<TestStream> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "slipway-stream-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const server = opened.use(await startRedis());
  const config = await testConfig(directory, server.url, environment);
  const errors: string[] = [];
  const destination = { write: (line: string) => void errors.push(line) };
  const service = await startStream(
    config,
    createLogger({ name: "stream", level: "error", destination }),
    limits,
  );
  opened.defer(() => service.stop({ graceMs: 0 }));
  const store = opened.use(await openStore({ databaseUrl: config.databaseUrl }));
  const redis = opened.adopt(new Redis(server.url, { maxRetriesPerRequest: null }), (client) =>
    client.disconnect(),
  );
  const bus = { redis, keys: redisKeys(config.installationId) };
  const signingKeys = openSigningKeys({ from: config.auth.signingKeys, onError: () => undefined });
  const auth = openAuth({ store, signingKeys });
  const address = `127.0.0.1:${config.server.port}`;
  const clients = opened.adopt(new Set<Client>(), (open) => {
    for (const client of open) client.webSocket.terminate();
  });
  const resources = opened.move();
  return {
    url: `http://${address}`,
    service,
    store,
    errors,
    newUser: (values) => createUser(store, auth, values),
    newApp: async (owner) => {
      const app = anApp({ ownerId: owner.id });
      await store.apps.create(app);
      return app;
    },
    deploy: async (app) => {
      const request = aNewDeployment({ appId: app.id, ownerId: app.ownerId, createdAt: new Date() });
      const run = new Run(store, bus, await store.deployments.create(request));
      await deploymentEvents(bus).created(run.deployment);
      return run;
    },
    connect: (path, origin, headers = {}) => {
      const client = new Client(
        new WebSocket(`ws://${address}${path}`, { headers, ...(origin === undefined ? {} : { origin }) }),
      );
      clients.add(client);
      return client;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function testConfig(directory: string, redisUrl: string, environment: Environment) {
  return readConfig({
    STREAM_PORT: String(await freePort()),
    DATA_DIR: directory,
    REDIS_URL: redisUrl,
    INSTALLATION_ID: `test-${randomUUID().slice(0, 8)}`,
    SIGNING_KEY: "0123456789abcdef".repeat(4),
    ...environment,
  });
}

async function createUser(store: Store, auth: Auth, values?: Partial<User>) {
  const user = aUser(values);
  await store.users.create(user);
  const { secret, secretSha256 } = newApiToken();
  await store.tokens.create({
    id: randomUUID(),
    userId: user.id,
    name: "test",
    createdAt: new Date(),
    lastUsedAt: null,
    parentId: null,
    secretSha256,
  });
  return { user, token: secret, jwt: (await auth.exchange(secret))?.jwt ?? "" };
}

/** One deployment, run in the way of a worker. */
class Run {
  readonly #store: Store;
  readonly #bus: Bus;
  #deployment: Deployment;
  #log: LogWriter | undefined;

  constructor(store: Store, bus: Bus, deployment: Deployment) {
    this.#store = store;
    this.#bus = bus;
    this.#deployment = deployment;
  }

  get deployment(): Deployment {
    return this.#deployment;
  }

  get log(): LogWriter {
    if (this.#log === undefined) throw new Error("not started");
    return this.#log;
  }

  /** Begins the next attempt. @param limits the limits of its log. */
  async start(limits: LogWriterOptions["limits"] = {}): Promise<void> {
    const attempt = this.#deployment.attempt + 1;
    this.#log = await openLogWriter({
      bus: this.#bus,
      store: this.#store,
      appId: this.#deployment.appId,
      deploymentId: this.#deployment.id,
      attempt,
      secrets: [],
      now: () => new Date(),
      limits,
    });
    await this.#save(claim(this.#deployment, attempt, { at: new Date(), lineCount: this.log.lastSeq }));
  }

  /** Ends the attempt as a killed worker would, and removes the log from Redis, as if Redis had lost its data. */
  async lose(): Promise<void> {
    await this.log[Symbol.asyncDispose]();
    const { redis, keys } = this.#bus;
    await redis.del(keys.logHead(this.#deployment.id), keys.logTail(this.#deployment.id));
  }

  async change(status: RunningStatus): Promise<void> {
    await this.#save(changeStatus(this.#deployment, status, { at: new Date(), lineCount: this.log.lastSeq }));
  }

  async phase(phase: PhaseRecord): Promise<void> {
    await deploymentEvents(this.#bus).phaseChanged(this.deployment, phase, this.log.lastSeq);
  }

  async finish(status: FinalStatus): Promise<void> {
    const { lineCount, sha256: logSha256 } = await this.log.end();
    const facts = { logLineCount: lineCount, logSha256 };
    await this.#save(changeStatus(this.#deployment, status, { at: new Date(), lineCount, facts }));
    await this.log[Symbol.asyncDispose]();
  }

  async #save(next: Deployment): Promise<void> {
    if (!(await this.#store.deployments.compareAndSet(next)))
      throw new Error("the deployment was changed concurrently");
    this.#deployment = next;
    await deploymentEvents(this.#bus).statusChanged(next);
  }
}

/** A WebSocket client that records every frame it receives. */
class Client {
  readonly webSocket: WebSocket;
  readonly frames: ServerFrame[] = [];

  readonly closed: Promise<{ code: number; reason: string }>;
  #changed = Promise.withResolvers<void>();

  constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    const closed = Promise.withResolvers<{ code: number; reason: string }>();
    this.closed = closed.promise;
    webSocket.on("error", () => undefined);
    webSocket.on("close", (code, reason) => closed.resolve({ code, reason: reason.toString() }));
    webSocket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) throw new Error("received a binary frame");
      this.frames.push(serverFrame.parse(JSON.parse(data.toString())));
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  async auth(token: string, options: { readonly rewinds?: boolean } = {}): Promise<void> {
    await this.send(`${JSON.stringify({ type: "auth", data: { token, ...options } })}\n`);
  }

  async send(data: string | Buffer): Promise<void> {
    if (this.webSocket.readyState === WebSocket.CONNECTING) await once(this.webSocket, "open");
    this.webSocket.send(data);
  }

  /** The frames in short: statuses in upper case, lines as they are, without pings. */
  get received(): string[] {
    return this.frames.flatMap((frame) => {
      if (frame.type === "log") return [frame.data.content];
      if (frame.type === "status") return [frame.data.status.toUpperCase()];
      if (frame.type === "rewind") return [`REWIND ${frame.data.afterSeq}`];
      return frame.type === "new" ? ["NEW"] : [];
    });
  }

  /** Discards the recorded frames, for tests that measure memory. */
  forget(): void {
    this.frames.length = 0;
  }

  async until(matches: (frame: ServerFrame) => boolean): Promise<void> {
    while (!this.frames.some(matches)) await this.#changed.promise;
  }

  async untilStatus(status: string): Promise<void> {
    await this.until((frame) => frame.type === "status" && frame.data.status === status);
  }
}

/** The memory in use after a garbage collection. */
export function usedBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
