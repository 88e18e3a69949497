// The scheduler port on one Docker Engine: each instance is a container with a port of the engine's host.

import { untilAborted } from "@slipway/async";
import {
  type Address,
  type Instance,
  notFound,
  type OneOffExit,
  type OneOffSpec,
  type RolloutSpec,
  type ListedRollout,
  type Scheduler,
  SlipwayError,
  type StartOptions,
} from "@slipway/core";
import type Docker from "dockerode";
import {
  type DockerConnection,
  type DockerConnectionOptions,
  ask,
  connectDocker,
  ensureNetwork,
  removeContainer,
  stopContainer,
} from "@slipway/docker";
import {
  type AppContainer,
  findAppContainers,
  inspectInstance,
  isPromoted,
  startedLast,
} from "./app-containers.ts";
import { formerRollouts, listRollouts } from "../list-rollouts.ts";
import { removeOneOffs, runOneOff } from "../one-off.ts";
import { restart } from "./container-config.ts";
import { startInstances } from "./start-instances.ts";

export interface DockerSchedulerOptions extends DockerConnectionOptions {
  /** Label value of this installation on a shared engine. Containers without it are never changed. */
  readonly installationId: string;
  /** A network of the engine that instances join, a proxy's for one; a bridge of ours by default, where none reaches another. */
  readonly network?: string;
  /**
   * Interface of the engine's host on which releases are published: 127.0.0.1 by default, or all interfaces when the engine is
   * remote, as its loopback cannot be reached from here.
   */
  readonly publishHost?: string;
}

const removalGraceMs = 10_000;
const everyInterface = "0.0.0.0";
const loopback = "127.0.0.1";

/** Connects lazily: the first call, such as `ping`, rejects when the engine is unavailable. */
export function openDockerScheduler(options: DockerSchedulerOptions): Scheduler {
  return new DockerScheduler(options);
}

class DockerScheduler implements Scheduler {
  readonly #installationId: string;
  readonly #givenNetwork: string | undefined;
  readonly #connection: DockerConnection;
  readonly #publishHost: string;

  constructor(options: DockerSchedulerOptions) {
    this.#installationId = options.installationId;
    this.#givenNetwork = options.network;
    this.#connection = connectDocker(options);
    this.#publishHost =
      options.publishHost ?? (this.#connection.remoteHost === null ? loopback : everyInterface);
  }

  async start(rollout: RolloutSpec, options: StartOptions): Promise<readonly Address[]> {
    await this.#makeRoom(rollout);
    if (rollout.count === 0) return [];
    await this.#connection.images.ensure(rollout.image, options.signal);
    const installationId = this.#installationId;
    const network = await this.#network(options.signal);
    const context = { installationId, network, publishHost: this.#publishHost };
    const hostPorts = await startInstances(this.#docker, context, rollout, options);
    return hostPorts.map((hostPort) => this.#addressOf(hostPort));
  }

  async promote(
    appId: string,
    rolloutId: string,
    { count }: { readonly count: number },
  ): Promise<readonly ListedRollout[]> {
    const containers = await this.#find(appId);
    const current = startedLast(containers, rolloutId);
    if (current.length === 0 && count > 0) throw notFound("rollout");
    await Promise.all(current.map((container) => this.#keepAlive(container)));
    return formerRollouts(containers, current[0]);
  }

  async stop(
    { appId, rolloutId, attempt }: Omit<ListedRollout, "releaseId">,
    { graceMs, signal }: { readonly graceMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const containers = await this.#find(appId);
    const started = containers.filter((one) => one.rolloutId === rolloutId && one.attempt <= attempt);
    await untilAborted(Promise.all(started.map(({ id }) => this.#end(id, graceMs))), signal);
  }

  async run(task: OneOffSpec, options: StartOptions): Promise<OneOffExit> {
    const context = { installationId: this.#installationId, network: this.#givenNetwork };
    return await runOneOff(this.#connection, context, task, options);
  }

  async discard(appId: string, rolloutId: string, { attempt }: { readonly attempt: number }): Promise<void> {
    await removeOneOffs(this.#docker, this.#installationId, appId, { rolloutId, attempt });
    const containers = (await this.#find(appId)).filter((container) => container.rolloutId === rolloutId);
    await this.#removeUnpromoted(containers.filter((container) => container.attempt <= attempt));
  }

  async addresses(appId: string, rolloutId: string): Promise<readonly Address[]> {
    // Also of one that is being started again: its port stays.
    return startedLast(await this.#find(appId), rolloutId).map(({ hostPort }) => this.#addressOf(hostPort));
  }

  async instances(appId: string): Promise<readonly Instance[]> {
    const containers = await this.#find(appId);
    const byPlace = containers.toSorted(
      (a, b) => a.rolloutId.localeCompare(b.rolloutId) || a.index - b.index,
    );
    const found = byPlace.map(async (container) => {
      const instance = await inspectInstance(this.#docker, container);
      return instance === null ? [] : [{ ...instance, address: this.#addressOf(container.hostPort) }];
    });
    return (await Promise.all(found)).flat();
  }

  async removeApp(appId: string): Promise<void> {
    await removeOneOffs(this.#docker, this.#installationId, appId);
    const containers = await this.#find(appId);
    await Promise.all(containers.map(({ id }) => this.#end(id, removalGraceMs)));
  }

  async list(appId?: string): Promise<readonly ListedRollout[]> {
    return listRollouts(await this.#find(appId));
  }

  async imageDigests(repository: string, signal: AbortSignal): Promise<readonly string[]> {
    return await this.#connection.images.digests(repository, signal);
  }

  async removeImage(repository: string, digest: string, signal: AbortSignal): Promise<void> {
    await this.#connection.images.remove(repository, digest, signal);
  }

  async ping(): Promise<void> {
    await this.#connection.ping();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection[Symbol.dispose]();
  }

  get #docker(): Docker {
    return this.#connection.docker;
  }

  async #network(signal: AbortSignal): Promise<string> {
    if (this.#givenNetwork !== undefined) return this.#givenNetwork;
    const name = `slipway-${this.#installationId}-run`;
    return await ensureNetwork(this.#docker, name, this.#installationId, signal);
  }

  /** Removes containers of attempts that ended before their promotion; a promoted start serves until the next promotion. */
  async #makeRoom({ appId, rolloutId, attempt }: RolloutSpec): Promise<void> {
    const containers = (await this.#find(appId)).filter((container) => container.rolloutId === rolloutId);
    if (containers.some((container) => container.attempt > attempt))
      throw new SlipwayError("lease-lost", "a later attempt is starting the release");
    await this.#removeUnpromoted(containers);
  }

  async #removeUnpromoted(containers: readonly AppContainer[]): Promise<void> {
    for (const { id } of containers) {
      if (!(await isPromoted(this.#docker, id))) await removeContainer(this.#docker, id);
    }
  }

  async #keepAlive({ id, state }: AppContainer): Promise<void> {
    const container = this.#docker.getContainer(id);
    await ask("keep the release alive", () => container.update({ RestartPolicy: restart.promoted }));
    // It may have ended between its start and now.
    if (state === "exited") await ask("start the release again", () => container.start());
  }

  #addressOf(hostPort: number): Address {
    const host =
      this.#publishHost === everyInterface ? (this.#connection.remoteHost ?? loopback) : this.#publishHost;
    return { host, port: hostPort };
  }

  async #end(id: string, graceMs: number): Promise<void> {
    await stopContainer(this.#docker, id, graceMs);
    await removeContainer(this.#docker, id);
  }

  async #find(appId?: string): Promise<AppContainer[]> {
    return await findAppContainers(this.#docker, this.#installationId, appId);
  }
}
