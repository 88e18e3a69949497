// A private Slipway for tests: API, stream and workers as processes, with a private Redis and database.

import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { ApiClient } from "@slipway/cli/quickstart";
import { isFinal } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import type { AppBody, WorkersAnswer } from "@slipway/protocol";
import { images, removeAll } from "@slipway/setup";
import { openStore } from "@slipway/store";
import { eventually, newInstallation, packTarGz, startPrivateRedis } from "@slipway/testkit";
import type { PrivateRedis } from "@slipway/testkit";
import type { AppUnderTest } from "./app-under-test.ts";
import { watchContainers } from "./container-watch.ts";
import type { ContainerWatch } from "./container-watch.ts";
import { Follower } from "./follower.ts";
import { Gate } from "./gate.ts";
import { appsOf, environmentOf, logFolderOf } from "./processes.ts";
import type { Gates, SlipwayOptions } from "./processes.ts";
import { isWriteLockHeld } from "./sqlite-lock.ts";

export class SlipwayUnderTest implements AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>;
  readonly installationId: string;
  readonly store: Store;
  readonly redis: PrivateRedis;
  /** The engines. The first one runs releases. */
  readonly engines: readonly Docker[];
  readonly containers: ContainerWatch;
  readonly api: ApiClient;
  /** API, stream and workers. */
  readonly processes: readonly AppUnderTest[];
  readonly workers: readonly AppUnderTest[];
  /** Ids of all created apps. */
  readonly appIds: string[];
  /** The folder of the processes' logs. */
  readonly logFolder: string;
  readonly #gates: Gates | undefined;
  readonly #apiUrl: string;
  readonly #opened: AsyncDisposableStack;

  private constructor(
    parts: Pick<
      SlipwayUnderTest,
      | "environment"
      | "store"
      | "redis"
      | "engines"
      | "containers"
      | "api"
      | "processes"
      | "workers"
      | "appIds"
      | "logFolder"
    >,
    gates: Gates | undefined,
    apiUrl: string,
    opened: AsyncDisposableStack,
  ) {
    this.#gates = gates;
    this.environment = parts.environment;
    this.installationId = parts.environment["INSTALLATION_ID"] ?? "";
    this.store = parts.store;
    this.redis = parts.redis;
    this.engines = parts.engines;
    this.containers = parts.containers;
    this.api = parts.api;
    this.processes = parts.processes;
    this.workers = parts.workers;
    this.appIds = parts.appIds;
    this.logFolder = parts.logFolder;
    this.#apiUrl = apiUrl;
    this.#opened = opened;
  }

  static async start(options: SlipwayOptions): Promise<SlipwayUnderTest> {
    await using opened = new AsyncDisposableStack();
    const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "slipway-chaos-")));
    if (options.dataDir === undefined) opened.defer(() => rm(dataDir, { recursive: true, force: true }));
    const installation = newInstallation();
    const redis = opened.use(await startPrivateRedis(dataDir));
    const own = { dataDir, installationId: installation.id, redisUrl: redis.url };
    const environment = await environmentOf(options, own);
    const docker = dockerAt(environment["SCHEDULER_DOCKER_HOST"] ?? "");
    const engines = [docker, ...(options.engines ?? []).map(dockerAt)];
    const registryHost = new URL(environment["REGISTRY_URL"] ?? "").host;
    const store = opened.use(await openStore({ databaseUrl: environment["DATABASE_URL"] ?? "" }));
    const appIds: string[] = [];
    opened.defer(() => removeImages(docker, registryHost, appIds));
    opened.use(installation);
    const containers = opened.use(await watchContainers(engines, installation.id));
    const gates = options.gated === true ? await openGates(opened, options, environment) : undefined;
    const logFolder = logFolderOf(installation.id);
    const apps = appsOf(options, environment, logFolder, gates).map((app) => opened.use(app));
    await Promise.all(apps.map((app) => app.start()));
    const apiUrl = `http://127.0.0.1:${environment["API_PORT"]}`;
    const api = await ApiClient.connect(apiUrl, environment["BOOTSTRAP_TOKEN"] ?? "");
    const workers = apps.filter(({ name }) => name.startsWith("worker"));
    const started = { processes: apps, workers, api };
    const parts = { environment, store, redis, engines, containers, appIds, logFolder, ...started };
    return new SlipwayUnderTest(parts, gates, apiUrl, opened.move());
  }

  async createApp(prefix: string): Promise<AppBody> {
    const app = await this.api.createApp(`${prefix}-${randomBytes(3).toString("hex")}`);
    this.appIds.push(app.id);
    return app;
  }

  /** @param files the archive's files by path. */
  async deploy(app: AppBody, files: Readonly<Record<string, string>>, gitRef = ""): Promise<string> {
    return this.deployFrom(app, await this.api.upload(await packTarGz(files)), gitRef);
  }

  async deployFrom(app: AppBody, sourceUrl: string, gitRef = ""): Promise<string> {
    return (await this.api.createDeployment(app.name, sourceUrl, gitRef)).id;
  }

  /** Sends a request as the operator, for routes that `api` does not cover. */
  async request(method: string, path: string, body?: unknown, headers = {}): Promise<Response> {
    return fetch(`${this.#apiUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.api.token}`,
        "content-type": "application/json",
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  follow(app: AppBody): Follower {
    return new Follower(app, () => this.api.token);
  }

  /** Polls the stored deployment until it satisfies `isWanted`, for at most the test's timeout. */
  async until(id: string, isWanted: (deployment: Deployment) => boolean): Promise<Deployment> {
    return eventually(async () => {
      const found = await this.store.deployments.get(id);
      return found !== null && isWanted(found) && found;
    });
  }

  /** Waits until the deployment is final and its log is closed. */
  async ended(id: string): Promise<Deployment> {
    return this.until(id, ({ status, logSha256 }) => isFinal(status) && logSha256 !== null);
  }

  async listWorkers(): Promise<WorkersAnswer["workers"]> {
    return ((await (await this.request("GET", "/v1/workers")).json()) as WorkersAnswer).workers;
  }

  /** Waits until the API lists the worker in this state. */
  async shown(worker: AppUnderTest, state: string): Promise<void> {
    await eventually(async () => {
      const workers = await this.listWorkers();
      return workers.some((one) => one.pid === worker.pid && one.state === state);
    });
  }

  /** Waits until every worker is ready. @param idle whether all of them must also run no deployment. */
  async ready({ idle }: { readonly idle: boolean }): Promise<void> {
    await eventually(async () => {
      // A process or a service that was just started may not respond yet.
      const workers = (await this.listWorkers().catch(() => undefined)) ?? [];
      const ready = workers.filter(({ state }) => state === "ready");
      const wanted = ready.filter(({ deployments }) => !idle || deployments.length === 0);
      return wanted.length === this.workers.length;
    });
  }

  /** Waits until every worker is ready and runs no deployment. */
  async idle(): Promise<void> {
    await this.ready({ idle: true });
  }

  /** The worker that reports that it runs the deployment. The report of a killed worker remains for some time, even after a restart. */
  async workerOf(deploymentId: string): Promise<AppUnderTest> {
    return eventually(async () => {
      const reports = await this.listWorkers();
      const busy = reports.filter(({ deployments }) => deployments.some(({ id }) => id === deploymentId));
      return this.workers.find((worker) =>
        busy.some(({ pid, state }) => pid === worker.pid && state === "ready"),
      );
    });
  }

  /** Freezes a worker at a time when it does not write to SQLite: otherwise no process could write until the worker continues. */
  async freeze(worker: AppUnderTest): Promise<void> {
    for (;;) {
      await worker.freeze();
      if (!isWriteLockHeld(this.environment["DATABASE_URL"] ?? "")) return;
      worker.thaw();
    }
  }

  /** Files of the blob store below a prefix. */
  async blobKeys(prefix: string): Promise<string[]> {
    const folder = join(this.environment["BLOBS_URL"]?.slice("file:".length) ?? "", "blobs", prefix);
    return readdir(folder, { recursive: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    });
  }

  /** Overwrites every blob below the prefix with these bytes. */
  async overwriteBlobs(prefix: string, bytes: Uint8Array): Promise<void> {
    const folder = join(this.environment["BLOBS_URL"]?.slice("file:".length) ?? "", "blobs", prefix);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    await Promise.all(files.map(({ parentPath, name }) => writeFile(join(parentPath, name), bytes)));
  }

  /** The gate between a worker and Redis. */
  gateOf(worker: AppUnderTest): Gate {
    const gate = this.#gates?.redis[this.workers.indexOf(worker)];
    if (gate === undefined) throw new Error("the workers were started without gates");
    return gate;
  }

  /** The gate between all workers and the engine of builds and releases. */
  get engineGate(): Gate {
    if (this.#gates === undefined) throw new Error("the workers were started without gates");
    return this.#gates.engine;
  }

  /** The app's present response to a request of this path, as text. */
  async page(app: AppBody, path = "/"): Promise<string> {
    const [target] = (await this.store.apps.get(app.id))?.targets ?? [];
    if (target === undefined) throw new Error(`${app.name} is not in service`);
    return (await fetch(`http://${target.host}:${target.port}${path}`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

async function openGates(
  opened: AsyncDisposableStack,
  { workers }: SlipwayOptions,
  { REDIS_URL, DATA_DIR, SCHEDULER_DOCKER_HOST }: Readonly<Record<string, string>>,
): Promise<Gates> {
  const port = Number(new URL(REDIS_URL ?? "").port);
  const redis = await Promise.all(workers.map(() => Gate.open({ port })));
  for (const gate of redis) opened.use(gate);
  const socket = join(DATA_DIR ?? "", "engine");
  const engine = opened.use(
    await Gate.open({ path: new URL(SCHEDULER_DOCKER_HOST ?? "").pathname }, { path: socket }),
  );
  return { redis, engine, dockerHost: `unix://${socket}` };
}

function dockerAt(dockerHost: string): Docker {
  if (dockerHost.startsWith("unix://")) return new Docker({ socketPath: dockerHost.slice("unix://".length) });
  const { hostname, port } = new URL(dockerHost);
  return new Docker({ host: hostname, port });
}

/** Removes the images of these apps that the engine has pulled. */
async function removeImages(docker: Docker, registryHost: string, appIds: readonly string[]): Promise<void> {
  const prefixes = appIds.map((id) => `${registryHost}/apps/${id}@`);
  const ours = images(docker, (_labels, name) => prefixes.some((prefix) => name.startsWith(prefix)));
  const { left } = await removeAll([ours]);
  if (left.length > 0) throw new Error(`images of a test's apps are left: ${left.join("; ")}`);
}
