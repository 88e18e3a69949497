// The scheduler port on one Docker Engine: each release is a container with a port of the engine's host.

import { randomUUID } from "node:crypto";
import {
  type Address,
  type Labels,
  label,
  notFound,
  type ReleaseSpec,
  type Scheduler,
  SlipwayError,
} from "@slipway/core";
import type Docker from "dockerode";
import {
  type DockerConnection,
  type DockerConnectionOptions,
  type Images,
  type RegistryAuth,
  ask,
  connectDocker,
  ensureNetwork,
  findContainers,
  openImages,
  removeContainer,
  stopContainer,
} from "@slipway/docker";
import { bootContainer } from "./boot.ts";
import { chooseHostPort, isPortTaken } from "./host-ports.ts";
import { labelsOf, releaseConfig, restart } from "./release-config.ts";

export interface DockerSchedulerOptions extends DockerConnectionOptions {
  /** Marks what is ours on an engine that others use too. Nothing without it is ever touched. */
  readonly installationId: string;
  readonly registryAuth?: RegistryAuth;
  /**
   * Interface of the engine's host on which releases are published: 127.0.0.1 by default, or all interfaces when the engine is
   * remote, as its loopback cannot be reached from here.
   */
  readonly publishHost?: string;
}

/** A port that the host has taken is found out by trying. */
const portTries = 20;
const removalGraceMs = 10_000;
const everyInterface = "0.0.0.0";
const loopback = "127.0.0.1";

/** Connects lazily: an engine that is away is told by the first call, `ping` for one. */
export function openDockerScheduler(options: DockerSchedulerOptions): Scheduler {
  return new DockerScheduler(options);
}

class DockerScheduler implements Scheduler {
  readonly #installationId: string;
  readonly #connection: DockerConnection;
  readonly #images: Images;
  readonly #publishHost: string;

  constructor(options: DockerSchedulerOptions) {
    this.#installationId = options.installationId;
    this.#connection = connectDocker(options);
    this.#images = openImages(this.#connection.docker, options.registryAuth);
    this.#publishHost =
      options.publishHost ?? (this.#connection.remoteHost === null ? loopback : everyInterface);
  }

  async start(release: ReleaseSpec, options: Parameters<Scheduler["start"]>[1]): Promise<Address> {
    const { signal } = options;
    await this.#removeUnpromoted(release);
    await this.#images.ensure(release.image, signal);
    const networkId = await ensureNetwork(
      this.#docker,
      `slipway-${this.#installationId}-run`,
      this.#installationId,
      signal,
    );
    const refused = new Set<number>();
    for (;;) {
      signal.throwIfAborted();
      const hostPort = await this.#chooseHostPort(refused);
      try {
        await this.#startOn(hostPort, networkId, release, options);
        return { host: this.#addressHost(), port: hostPort };
      } catch (error) {
        if (!isPortTaken(error) || refused.size >= portTries) throw error;
        refused.add(hostPort);
      }
    }
  }

  async promote(appId: string, releaseId: string, { graceMs }: { readonly graceMs: number }): Promise<void> {
    const containers = await this.#find(appId);
    const newestFirst = containers.toSorted((a, b) => b.Created - a.Created);
    const current = newestFirst.find(({ Labels }) => Labels[label.release] === releaseId);
    if (current === undefined) throw notFound("release");
    const container = this.#docker.getContainer(current.Id);
    await ask("keep the release alive", () => container.update({ RestartPolicy: restart.promoted }));
    // It may have ended between its start and now.
    if (current.State === "exited") await ask("start the release again", () => container.start());
    const others = containers.filter(({ Id }) => Id !== current.Id);
    await Promise.all(others.map(({ Id }) => this.#end(Id, graceMs)));
  }

  async discard(appId: string, releaseId: string): Promise<void> {
    const containers = await this.#find(appId, releaseId);
    await Promise.all(containers.map(({ Id }) => removeContainer(this.#docker, Id)));
  }

  async removeApp(appId: string): Promise<void> {
    const containers = await this.#find(appId);
    await Promise.all(containers.map(({ Id }) => this.#end(Id, removalGraceMs)));
  }

  async list(): Promise<readonly { readonly appId: string; readonly releaseId: string }[]> {
    const running = (await this.#find()).filter(({ State }) => State === "running" || State === "restarting");
    const found = new Map(
      running.map(({ Labels }) => [Labels[label.release] ?? "", Labels[label.app] ?? ""]),
    );
    return [...found].map(([releaseId, appId]) => ({ appId, releaseId }));
  }

  async ping(): Promise<void> {
    await ask("answer", () => this.#docker.ping(), { limitMs: 10_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection[Symbol.dispose]();
  }

  get #docker(): Docker {
    return this.#connection.docker;
  }

  async #startOn(
    hostPort: number,
    networkId: string,
    release: ReleaseSpec,
    options: Parameters<Scheduler["start"]>[1],
  ): Promise<void> {
    const config = releaseConfig(release, {
      installationId: this.#installationId,
      networkId,
      publishHost: this.#publishHost,
      hostPort,
      suffix: randomUUID().slice(0, 8),
    });
    try {
      // Not cut short by the signal: a container whose id never reached us would stay.
      const { id } = await ask("create the release's container", () => this.#docker.createContainer(config));
      await bootContainer(this.#docker, id, release, options);
    } catch (error) {
      // What went wrong is what the caller has to know; what could not be removed now is found by its labels.
      await Promise.allSettled([removeContainer(this.#docker, config.name)]);
      throw error;
    }
  }

  /**
   * What an attempt left that ended before its promotion. One that was promoted serves on: the new container takes its
   * place, like any other release's, by `promote`.
   */
  async #removeUnpromoted(release: ReleaseSpec): Promise<void> {
    for (const { Id } of await this.#find(release.appId, release.releaseId)) {
      const { HostConfig } = await ask("look at a container", () => this.#docker.getContainer(Id).inspect());
      if (HostConfig.RestartPolicy?.Name === restart.promoted.Name) continue;
      await removeContainer(this.#docker, Id);
    }
  }

  async #chooseHostPort(refused: ReadonlySet<number>): Promise<number> {
    const port = chooseHostPort(await findContainers(this.#docker, {}), refused);
    if (port === null)
      throw new SlipwayError("engine-unavailable", "the engine's host has no port left for a release");
    return port;
  }

  #addressHost(): string {
    if (this.#publishHost !== everyInterface) return this.#publishHost;
    return this.#connection.remoteHost ?? loopback;
  }

  async #end(id: string, graceMs: number): Promise<void> {
    await stopContainer(this.#docker, id, graceMs);
    await removeContainer(this.#docker, id);
  }

  async #find(appId?: string, releaseId?: string): Promise<Docker.ContainerInfo[]> {
    const labels: Labels = labelsOf(this.#installationId, appId, releaseId);
    return await findContainers(this.#docker, labels);
  }
}
