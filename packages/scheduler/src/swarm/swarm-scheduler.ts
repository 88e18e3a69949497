// The scheduler port on a Docker Swarm: each rollout is a service of its own, whose tasks are its instances.

import { randomUUID } from "node:crypto";
import { poll, untilAborted } from "@slipway/async";
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
import {
  type DockerConnection,
  type DockerConnectionOptions,
  type RegistryAuth,
  ask,
  connectDocker,
  ensureNetwork,
} from "@slipway/docker";
import type Docker from "dockerode";
import { formerRollouts, listRollouts } from "../list-rollouts.ts";
import { removeOneOffs, runOneOff } from "../one-off.ts";
import { bootService } from "./boot-service.ts";
import { instancesOf } from "./instances.ts";
import { serviceSpec } from "./service-spec.ts";
import {
  type AppService,
  findServices,
  findTasks,
  isOver,
  isUp,
  labelService,
  nodeHosts,
  promotedLabel,
  publishedPort,
  removeService,
  scaleToNone,
  someLeft,
  type Task,
} from "./swarm-api.ts";

export interface SwarmSchedulerOptions extends DockerConnectionOptions {
  /** Label value of this installation on a shared swarm. Services without it are never changed. */
  readonly installationId: string;
  /** Between SIGTERM and SIGKILL, for whatever is stopped: Swarm wants to know it at the start. */
  readonly stopGraceMs: number;
  /** A network of the swarm that instances join, a proxy's overlay for one; a bridge of ours on each node by default. */
  readonly network?: string;
}

const loopback = "127.0.0.1";
const lookEveryMs = 200;
const removalExtraMs = 30_000;

/** Connects lazily, to a manager of the swarm: one that is away is told by the first call, `ping` for one. */
export function openSwarmScheduler(options: SwarmSchedulerOptions): Scheduler {
  return new SwarmScheduler(options);
}

class SwarmScheduler implements Scheduler {
  readonly #options: SwarmSchedulerOptions;
  readonly #connection: DockerConnection;

  constructor(options: SwarmSchedulerOptions) {
    this.#options = options;
    this.#connection = connectDocker(options);
  }

  async start(rollout: RolloutSpec, options: StartOptions): Promise<readonly Address[]> {
    await this.#makeRoom(rollout);
    if (rollout.count === 0) return [];
    const { installationId, stopGraceMs } = this.#options;
    const network = await this.#network(options.signal);
    const startId = randomUUID().slice(0, 8);
    const spec = serviceSpec(rollout, { installationId, stopGraceMs, network, startId });
    try {
      // Ignores the signal: a service whose id is unknown could not be removed.
      const { id } = await ask("create the rollout's service", () =>
        this.#docker.createService(authConfig(this.#options.registryAuth), spec),
      );
      return await this.#addressesOf(await bootService(this.#docker, id, rollout, options));
    } catch (error) {
      // The caller gets the original error; the sweep finds a service that could not be removed by its labels.
      await Promise.allSettled([removeService(this.#docker, spec.Name)]);
      throw error;
    }
  }

  async promote(
    appId: string,
    rolloutId: string,
    { count }: { readonly count: number },
  ): Promise<readonly ListedRollout[]> {
    const services = await this.#find(appId);
    const current = services.find((service) => service.rolloutId === rolloutId);
    if (current === undefined && count > 0) throw notFound("rollout");
    if (current !== undefined && !current.promoted)
      await labelService(this.#docker, current, { [promotedLabel]: "true" });
    return formerRollouts(services, current);
  }

  /** How long its instances have was said when it was started. */
  async stop(
    { appId, rolloutId, attempt }: Omit<ListedRollout, "releaseId">,
    { signal }: { readonly graceMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const services = (await this.#find(appId)).filter((one) => one.rolloutId === rolloutId);
    const started = services.filter((one) => one.attempt <= attempt);
    await untilAborted(Promise.all(started.map(({ id }) => this.#drain(id, signal))), signal);
  }

  /** On the manager's own engine: a command that runs once is not worth a service. */
  async run(task: OneOffSpec, options: StartOptions): Promise<OneOffExit> {
    const { installationId } = this.#options;
    return await runOneOff(this.#connection, { installationId, network: undefined }, task, options);
  }

  async discard(appId: string, rolloutId: string, { attempt }: { readonly attempt: number }): Promise<void> {
    await removeOneOffs(this.#docker, this.#options.installationId, appId, { rolloutId, attempt });
    const ofRollout = (await this.#find(appId)).filter((service) => service.rolloutId === rolloutId);
    await this.#removeUnpromoted(ofRollout.filter((service) => service.attempt <= attempt));
  }

  async addresses(appId: string, rolloutId: string): Promise<readonly Address[]> {
    const service = (await this.#find(appId)).find((one) => one.rolloutId === rolloutId);
    if (service === undefined) return [];
    const tasks = (await findTasks(this.#docker, service.id)).filter(isUp);
    return await this.#addressesOf(tasks.toSorted((a, b) => a.Slot - b.Slot));
  }

  async instances(appId: string): Promise<readonly Instance[]> {
    const services = (await this.#find(appId)).toSorted((a, b) => a.rolloutId.localeCompare(b.rolloutId));
    const addressOf = await this.#addressing();
    const found = services.map(async (service) =>
      instancesOf(service, await findTasks(this.#docker, service.id), addressOf),
    );
    return (await Promise.all(found)).flat();
  }

  async removeApp(appId: string): Promise<void> {
    await removeOneOffs(this.#docker, this.#options.installationId, appId);
    await this.#end(await this.#find(appId));
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
    await ask("answer as a manager of a swarm", () => this.#docker.swarmInspect(), { limitMs: 10_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection[Symbol.dispose]();
  }

  get #docker(): Docker {
    return this.#connection.docker;
  }

  async #network(signal: AbortSignal): Promise<string> {
    const { network, installationId } = this.#options;
    if (network !== undefined) return network;
    const name = `slipway-${installationId}-tasks`;
    return await ensureNetwork(this.#docker, name, installationId, signal, { scope: "swarm" });
  }

  /** Removes what an attempt left that ended before its promotion; one that was promoted serves on until the next promotion. */
  async #makeRoom({ appId, rolloutId, attempt }: RolloutSpec): Promise<void> {
    const services = (await this.#find(appId)).filter((service) => service.rolloutId === rolloutId);
    if (services.some((service) => service.attempt > attempt))
      throw new SlipwayError("lease-lost", "a later attempt is starting the release");
    await this.#removeUnpromoted(services);
  }

  async #removeUnpromoted(services: readonly AppService[]): Promise<void> {
    const unpromoted = services.filter(({ promoted }) => !promoted);
    await Promise.all(unpromoted.map(({ id }) => removeService(this.#docker, id)));
  }

  /** The service stays until its instances have stopped, or a node has not said so in time. */
  async #drain(id: string, signal: AbortSignal): Promise<void> {
    await scaleToNone(this.#docker, id);
    const haveStopped = async () => (await findTasks(this.#docker, id)).every(isOver);
    await poll(haveStopped, { ...this.#stopLimits(), signal });
    await removeService(this.#docker, id);
  }

  /** Resolves when all instances have stopped; earlier when a node does not say so in time, as Swarm sees it through. */
  async #end(services: readonly AppService[]): Promise<void> {
    const found = await Promise.all(services.map(({ id }) => findTasks(this.#docker, id)));
    const taskIds = found.flat().map(({ ID }) => ID);
    await Promise.all(services.map(({ id }) => removeService(this.#docker, id)));
    await poll(async () => !(await someLeft(this.#docker, taskIds)), this.#stopLimits());
  }

  #stopLimits() {
    return { everyMs: lookEveryMs, limitMs: this.#options.stopGraceMs + removalExtraMs };
  }

  async #addressesOf(tasks: readonly Task[]): Promise<readonly Address[]> {
    const addressOf = await this.#addressing();
    return tasks.flatMap((task) => addressOf(task) ?? []);
  }

  async #addressing(): Promise<(task: Task) => Address | null> {
    const hosts = await nodeHosts(this.#docker);
    return (task) => {
      const port = publishedPort(task);
      return port === null ? null : { host: this.#reachable(hosts.get(task.NodeID ?? "") ?? ""), port };
    };
  }

  /** A manager may be known by an address that means itself: then it is the one we are connected to. */
  #reachable(host: string): string {
    const itself = host === "" || host === "0.0.0.0" || host === "::" || host.startsWith("127.");
    return itself ? (this.#connection.remoteHost ?? loopback) : host;
  }

  async #find(appId?: string): Promise<AppService[]> {
    return await findServices(this.#docker, this.#options.installationId, appId);
  }
}

function authConfig(auth: RegistryAuth | undefined) {
  const { username = "", password = "", serverAddress = "" } = auth ?? {};
  return { username, password, serveraddress: serverAddress };
}
