// The scheduler port on a Docker Swarm: each rollout is a service, whose tasks are its instances.

import { randomUUID } from "node:crypto";
import { poll } from "@slipway/async";
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
  type DockerConnectionOptions,
  ensureNetwork,
  loginOrEmpty,
  networkName,
  type RegistryAuth,
} from "@slipway/docker";
import { fingerprintsOf } from "../list-rollouts.ts";
import { RolloutScheduler, type RolloutSchedulerOptions } from "../rollout-scheduler.ts";
import { bootService } from "./boot-service.ts";
import { instancesOf } from "./instances.ts";
import { listNodes, unreachedNodes } from "./nodes.ts";
import { restartOverfull } from "./restart-overfull.ts";
import { serviceSpec } from "./service-spec.ts";
import {
  type AppService,
  findServices,
  findTasks,
  findTasksOfAll,
  isOver,
  isUp,
  labelService,
  promotedLabel,
  publishedPort,
  removeService,
  removeServiceAtOnce,
  scaleToNone,
  someLeft,
  type Task,
} from "./swarm-api.ts";

/** Services without the installation's label are never changed. */
export interface SwarmSchedulerOptions extends RolloutSchedulerOptions {
  /** A network of the swarm that instances join, such as a proxy's overlay. Default: a bridge on each node. */
  readonly network?: string;
  /** Engines of the other nodes. A node whose engine does not respond does not delay a start. */
  readonly nodes?: readonly DockerConnectionOptions[];
}

const loopback = "127.0.0.1";
const pollMs = 200;
/** Maximum time in which a node must report that an instance has stopped, in addition to the instance's grace period. */
const reportLimitMs = 30_000;

/** Connects lazily, to a manager of the swarm: the first call, such as `ping`, rejects when the manager is unavailable. */
export function openSwarmScheduler(options: SwarmSchedulerOptions): Scheduler {
  return new SwarmScheduler(options);
}

class SwarmScheduler extends RolloutScheduler<AppService, string> {
  /** Undefined, because an overlay may refuse containers that are not tasks. */
  protected readonly commandNetwork = undefined;
  readonly #givenNetwork: string | undefined;
  readonly #registryAuth: RegistryAuth | undefined;

  constructor(options: SwarmSchedulerOptions) {
    super(options, options.nodes);
    this.#givenNetwork = options.network;
    this.#registryAuth = options.registryAuth;
  }

  /** The node that gets a task pulls the image. */
  async prepareImage(): Promise<void> {}

  /** @returns the network of the instances. */
  protected async prepare(_rollout: RolloutSpec, signal: AbortSignal): Promise<string> {
    if (this.#givenNetwork !== undefined) return this.#givenNetwork;
    const name = networkName(this.installationId, "tasks");
    return await ensureNetwork(this.docker, name, this.installationId, signal, { scope: "swarm" });
  }

  protected async boot(
    rollout: RolloutSpec,
    network: string,
    options: StartOptions,
  ): Promise<readonly Address[]> {
    const startId = randomUUID().slice(0, 8);
    const spec = serviceSpec(rollout, { installationId: this.installationId, network, startId });
    try {
      // Without the signal, because an aborted call could leave behind a service whose id is unknown.
      const { id } = await callEngine("create the rollout's service", () =>
        this.docker.createService(loginOrEmpty(rollout.image, this.#registryAuth), spec),
      );
      return await this.#addressesOf(await bootService(this.engines, id, rollout, options));
    } catch (error) {
      // The caller gets the original error; periodic cleanup finds a service that could not be removed by its labels.
      await Promise.allSettled([removeServiceAtOnce(this.engines, spec.Name ?? "")]);
      throw error;
    }
  }

  protected async find(appId?: string): Promise<AppService[]> {
    return await findServices(this.docker, this.installationId, appId);
  }

  protected latestStart(newestFirst: readonly AppService[], rolloutId: string): readonly AppService[] {
    return newestFirst.filter((service) => service.rolloutId === rolloutId).slice(0, 1);
  }

  protected async keepAlive(service: AppService): Promise<void> {
    if (!service.promoted) await labelService(this.docker, service.id, { [promotedLabel]: "true" });
  }

  protected async removeUnpromoted(services: readonly AppService[]): Promise<void> {
    const unpromoted = services.filter(({ promoted }) => !promoted);
    await Promise.all(unpromoted.map(({ spec, id }) => removeServiceAtOnce(this.engines, spec.Name ?? id)));
  }

  /** Keeps the service until its instances have stopped, or until a node has not reported that in time. */
  protected async stopPart(service: AppService, signal: AbortSignal): Promise<void> {
    await scaleToNone(this.docker, service.id);
    const haveStopped = async () => (await findTasks(this.docker, service.id)).every(isOver);
    await poll(haveStopped, { everyMs: pollMs, limitMs: service.stopGraceMs + reportLimitMs, signal });
    await removeService(this.docker, service.id);
  }

  /** Resolves when all containers are removed, or when a node has not reported that in time; Swarm completes the removal later. */
  protected async removeParts(services: readonly AppService[]): Promise<void> {
    const found = await Promise.all(services.map(({ id }) => findTasks(this.docker, id)));
    const taskIds = found.flat().map(({ ID }) => ID);
    await Promise.all(services.map(({ id }) => removeService(this.docker, id)));
    const graceMs = Math.max(0, ...services.map(({ stopGraceMs }) => stopGraceMs));
    const limitMs = graceMs + reportLimitMs;
    await poll(async () => !(await someLeft(this.docker, taskIds)), { everyMs: pollMs, limitMs });
  }

  async addresses(appId: string, rolloutId: string): Promise<readonly Address[]> {
    const [service] = this.latestStart(await this.find(appId), rolloutId);
    if (service === undefined) return [];
    const tasks = (await findTasks(this.docker, service.id)).filter(isUp);
    return await this.#addressesOf(tasks.toSorted((a, b) => a.Slot - b.Slot));
  }

  async instances(appId: string): Promise<readonly Instance[]> {
    const services = (await this.find(appId)).toSorted((a, b) => a.rolloutId.localeCompare(b.rolloutId));
    const addressOf = await this.#addressing();
    const found = services.map(async (service) =>
      instancesOf(service, await findTasks(this.docker, service.id), addressOf),
    );
    return (await Promise.all(found)).flat();
  }

  async fingerprints(): Promise<ReadonlyMap<string, string>> {
    const services = await this.find();
    const tasks = await findTasksOfAll(
      this.docker,
      services.map(({ id }) => id),
    );
    const ofServices = Map.groupBy(tasks, ({ ServiceID }) => ServiceID);
    return fingerprintsOf(services, ({ id, promoted }) => {
      const states = (ofServices.get(id) ?? []).map(({ ID, Status }) => `${ID} ${Status.State}`);
      return [id, promoted, ...states.toSorted()].join(" ");
    });
  }

  protected async restartAllOverfull(excess: DiskExcess): Promise<readonly OverfullInstance[]> {
    return await restartOverfull(this.docker, await this.respondingEngines(), this.installationId, excess);
  }

  async unreachedNodes(): Promise<readonly string[]> {
    return await unreachedNodes(this.engines);
  }

  async ping(): Promise<void> {
    await callEngine("answer as a manager of a swarm", () => this.docker.swarmInspect(), { limitMs: 10_000 });
  }

  async #addressesOf(tasks: readonly Task[]): Promise<readonly Address[]> {
    const addressOf = await this.#addressing();
    return tasks.flatMap((task) => addressOf(task) ?? []);
  }

  async #addressing(): Promise<(task: Task) => Address | null> {
    const nodes = await listNodes(this.docker);
    const hosts = new Map(nodes.map(({ id, address }) => [id, address]));
    return (task) => {
      const port = publishedPort(task);
      return port === null ? null : { host: this.#reachable(hosts.get(task.NodeID ?? "") ?? ""), port };
    };
  }

  /** A manager that advertises a wildcard address is the one to which the scheduler is connected. */
  #reachable(host: string): string {
    const itself = host === "" || host === "0.0.0.0" || host === "::" || host.startsWith("127.");
    return itself ? (this.engines[0].connection.remoteHost ?? loopback) : host;
  }
}
