// The scheduler port on one Docker Engine: each instance is a container with a port of the engine's host.

import type {
  Address,
  DiskExcess,
  Instance,
  OverfullInstance,
  RolloutSpec,
  Scheduler,
  StartOptions,
} from "@slipway/core";
import {
  callEngine,
  containerQuota,
  ensureNetwork,
  networkName,
  removeContainer,
  stopContainer,
} from "@slipway/docker";
import { fingerprintsOf } from "../list-rollouts.ts";
import { RolloutScheduler, type RolloutSchedulerOptions } from "../rollout-scheduler.ts";
import {
  type AppContainer,
  findAppContainers,
  inspectInstance,
  isPromoted,
  startedLast,
} from "./app-containers.ts";
import { restart } from "./container-config.ts";
import { findLocalBridge } from "./direct-connection.ts";
import { restartOverfull } from "./restart-overfull.ts";
import { type StartContext, startInstances } from "./start-instances.ts";

/** Containers without the installation's label are never changed. */
export interface DockerSchedulerOptions extends RolloutSchedulerOptions {
  /** A network of the engine that instances join, such as a proxy's. Default: a bridge on which instances cannot reach each other. */
  readonly network?: string;
  /**
   * Interface of the engine's host on which releases are published. Default: 127.0.0.1, or all interfaces when the engine is
   * remote, because its loopback interface cannot be reached from here.
   */
  readonly publishHost?: string;
}

const everyInterface = "0.0.0.0";
const loopback = "127.0.0.1";

/** Connects lazily: the first call, such as `ping`, rejects when the engine is unavailable. */
export function openDockerScheduler(options: DockerSchedulerOptions): Scheduler {
  return new DockerScheduler(options);
}

class DockerScheduler extends RolloutScheduler<AppContainer, StartContext> {
  protected readonly commandNetwork: string | undefined;
  readonly #publishHost: string;
  /** Network and bridge of the last start. */
  #joined: Pick<StartContext, "network" | "bridge"> | undefined;

  constructor(options: DockerSchedulerOptions) {
    super(options);
    this.commandNetwork = options.network;
    this.#publishHost =
      options.publishHost ?? (this.engines[0].connection.remoteHost === null ? loopback : everyInterface);
  }

  async prepareImage(image: string, signal: AbortSignal): Promise<void> {
    await this.engines[0].connection.images.ensure(image, signal);
  }

  protected async prepare({ image, limits }: RolloutSpec, signal: AbortSignal): Promise<StartContext> {
    const [joined, quota] = await Promise.all([
      this.#joinedNetwork(signal),
      this.diskQuota(),
      this.engines[0].connection.images.ensure(image, signal),
    ]);
    const quotaBytes = await containerQuota(this.docker, quota, image, limits.diskBytes);
    const { installationId, runtime } = this;
    const [{ files }] = this.engines;
    return { installationId, runtime, publishHost: this.#publishHost, quotaBytes, files, ...joined };
  }

  protected async boot(
    rollout: RolloutSpec,
    context: StartContext,
    options: StartOptions,
  ): Promise<readonly Address[]> {
    const hostPorts = await startInstances(this.docker, context, rollout, options);
    return hostPorts.map((hostPort) => this.#addressOf(hostPort));
  }

  protected async find(appId?: string): Promise<AppContainer[]> {
    return await findAppContainers(this.docker, this.installationId, appId);
  }

  protected latestStart(newestFirst: readonly AppContainer[], rolloutId: string): readonly AppContainer[] {
    return startedLast(newestFirst, rolloutId);
  }

  protected async keepAlive({ id, state }: AppContainer): Promise<void> {
    const container = this.docker.getContainer(id);
    await callEngine("keep the release alive", () => container.update({ RestartPolicy: restart.promoted }));
    // The container may have ended after its start.
    if (state === "exited") await callEngine("start the release again", () => container.start());
  }

  protected async removeUnpromoted(containers: readonly AppContainer[]): Promise<void> {
    for (const { id } of containers) {
      if (!(await isPromoted(this.docker, id))) await removeContainer(this.docker, id);
    }
  }

  protected async stopPart({ id }: AppContainer): Promise<void> {
    await stopContainer(this.docker, id);
    await removeContainer(this.docker, id);
  }

  protected async removeParts(containers: readonly AppContainer[]): Promise<void> {
    await Promise.all(containers.map((container) => this.stopPart(container)));
  }

  async addresses(appId: string, rolloutId: string): Promise<readonly Address[]> {
    // A restarting instance is included, because it keeps its port.
    return startedLast(await this.find(appId), rolloutId).map(({ hostPort }) => this.#addressOf(hostPort));
  }

  async instances(appId: string): Promise<readonly Instance[]> {
    const containers = (await this.find(appId)).toSorted(
      (a, b) => a.rolloutId.localeCompare(b.rolloutId) || a.index - b.index,
    );
    const found = containers.map(async (container) => {
      const instance = await inspectInstance(this.docker, container);
      return instance === null ? [] : [{ ...instance, address: this.#addressOf(container.hostPort) }];
    });
    return (await Promise.all(found)).flat();
  }

  async fingerprints(): Promise<ReadonlyMap<string, string>> {
    return fingerprintsOf(await this.find(), ({ id, state }) => `${id} ${state}`);
  }

  protected async restartAllOverfull(excess: DiskExcess): Promise<readonly OverfullInstance[]> {
    if (excess === "bytes" && (await this.#kernelLimitsBytes())) return [];
    return await restartOverfull(this.engines[0], this.installationId, excess);
  }

  async unreachedNodes(): Promise<readonly string[]> {
    return [];
  }

  async ping(): Promise<void> {
    await this.engines[0].connection.ping();
  }

  /**
   * A quota that includes the image is usually btrfs's. After a container is removed, that kernel recounts, and enforces no limit in the
   * meantime.
   */
  async #kernelLimitsBytes(): Promise<boolean> {
    const { containers, includesImage } = await this.diskQuota();
    return containers && !includesImage;
  }

  async #joinedNetwork(signal: AbortSignal): Promise<Pick<StartContext, "network" | "bridge">> {
    const network = await this.#network(signal);
    if (this.#joined?.network === network) return this.#joined;
    const joined = { network, bridge: await findLocalBridge(this.docker, network, signal) };
    // The installation's network is named by its id, which never becomes another network's.
    if (this.commandNetwork === undefined && joined.bridge !== null) this.#joined = joined;
    return joined;
  }

  async #network(signal: AbortSignal): Promise<string> {
    if (this.commandNetwork !== undefined) return this.commandNetwork;
    const name = networkName(this.installationId, "run");
    return await ensureNetwork(this.docker, name, this.installationId, signal);
  }

  #addressOf(hostPort: number): Address {
    const host =
      this.#publishHost === everyInterface
        ? (this.engines[0].connection.remoteHost ?? loopback)
        : this.#publishHost;
    return { host, port: hostPort };
  }
}
