// The common base of the schedulers for an engine and for a Swarm: the port's rules about attempts and promotion, in terms of the parts
// of a rollout, and the commands and images on the connected engine itself.

import { inTurn, untilAborted } from "@slipway/async";
import {
  type Address,
  type DiskExcess,
  type DiskQuota,
  type Instance,
  label,
  type ListedRollout,
  notFound,
  type OneOffExit,
  type OneOffOptions,
  type OneOffSpec,
  type OverfullInstance,
  type RolloutSpec,
  type Scheduler,
  SlipwayError,
  type StartOptions,
} from "@slipway/core";
import {
  connectDocker,
  type DockerConnection,
  type DockerConnectionOptions,
  type QuotaCache,
  openDiskQuota,
  openFileCounter,
} from "@slipway/docker";
import type Docker from "dockerode";
import { formerRollouts, listRollouts, startedUpTo } from "./list-rollouts.ts";
import { removeOneOffs, runOneOff } from "./one-off.ts";
import type { MeasuredEngine } from "./overfull-containers.ts";
import { ifReachable } from "./reachable.ts";

export interface RolloutSchedulerOptions extends DockerConnectionOptions {
  /** Label value of this installation on a shared engine or swarm. Resources without it are never changed. */
  readonly installationId: string;
  /** Image with bash, coreutils and find, in which the files of instances and commands are counted. */
  readonly watchImage: string;
  /** Container runtime of instances and commands, such as `runsc`. Default: the engine's own. A swarm always uses the default. */
  readonly runtime?: string;
  /** Cache of the engines' disk quotas. */
  readonly quotaCache?: QuotaCache;
}

/** An engine that runs instances. */
export interface ConnectedEngine extends MeasuredEngine {
  readonly connection: DockerConnection;
}

/** A part of a rollout is what an adapter creates for it: a container for each instance, or a service for all. */
export interface RolloutPart extends ListedRollout {
  readonly id: string;
}

/** @typeParam Context what `prepare` returns for `boot`. */
export abstract class RolloutScheduler<Part extends RolloutPart, Context> implements Scheduler {
  protected readonly installationId: string;
  protected readonly runtime: string | undefined;
  /** The engine that runs commands comes first; on a Swarm it is the manager's. */
  protected readonly engines: readonly [ConnectedEngine, ...ConnectedEngine[]];
  readonly #diskQuota: () => Promise<DiskQuota>;
  #isCounting = false;

  /** @param others further engines that run instances. */
  constructor(options: RolloutSchedulerOptions, others: readonly DockerConnectionOptions[] = []) {
    const { installationId, quotaCache } = options;
    this.installationId = installationId;
    this.runtime = options.runtime;
    this.engines = [connectEngine(options, options), ...others.map((other) => connectEngine(other, options))];
    this.#diskQuota = openDiskQuota(this.docker, installationId, quotaCache);
  }

  /** The network for one-off commands; undefined for a bridge of the installation's own. */
  protected abstract readonly commandNetwork: string | undefined;
  /** Provides what instances need on the engine. Runs while the parts of earlier attempts are removed. */
  protected abstract prepare(rollout: RolloutSpec, signal: AbortSignal): Promise<Context>;
  /** Starts at least one instance. Removes its parts when it fails. @see Scheduler.start */
  protected abstract boot(
    rollout: RolloutSpec,
    context: Context,
    options: StartOptions,
  ): Promise<readonly Address[]>;
  /** The parts of an app, or of all apps, newest first. */
  protected abstract find(appId?: string): Promise<Part[]>;
  /** The parts of the rollout's latest start. */
  protected abstract latestStart(newestFirst: readonly Part[], rolloutId: string): readonly Part[];
  /** Promotes the part: from then on its instances are kept alive. */
  protected abstract keepAlive(part: Part): Promise<void>;
  protected abstract removeUnpromoted(parts: readonly Part[]): Promise<void>;
  /** Stops the part's instances, then removes the part. */
  protected abstract stopPart(part: Part, signal: AbortSignal): Promise<void>;
  /** @see Scheduler.restartOverfull. File counts do not overlap. */
  protected abstract restartAllOverfull(excess: DiskExcess): Promise<readonly OverfullInstance[]>;
  /** Stops and removes the parts, and resolves when the engine has removed their containers. */
  protected abstract removeParts(parts: readonly Part[]): Promise<void>;

  abstract prepareImage(image: string, signal: AbortSignal): Promise<void>;
  abstract addresses(appId: string, rolloutId: string): Promise<readonly Address[]>;
  abstract instances(appId: string): Promise<readonly Instance[]>;
  abstract fingerprints(): Promise<ReadonlyMap<string, string>>;
  abstract unreachedNodes(): Promise<readonly string[]>;
  abstract ping(): Promise<void>;

  async start(rollout: RolloutSpec, options: StartOptions): Promise<readonly Address[]> {
    const removed = this.#removeEarlierAttempts(rollout);
    if (rollout.count === 0) return await removed.then(() => []);
    const prepared = this.prepare(rollout, options.signal);
    prepared.catch(() => undefined); // Awaited below; a rejection before that must not be unhandled.
    await removed;
    return await this.boot(rollout, await prepared, options);
  }

  async promote(
    appId: string,
    rolloutId: string,
    { count }: { readonly count: number },
  ): Promise<readonly ListedRollout[]> {
    const parts = await this.find(appId);
    const current = this.latestStart(parts, rolloutId);
    if (current.length === 0 && count > 0) throw notFound("rollout");
    await Promise.all(current.map((part) => this.keepAlive(part)));
    return formerRollouts(parts, current[0]);
  }

  async stop(
    { appId, rolloutId, attempt }: Omit<ListedRollout, "releaseId">,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const parts = startedUpTo(await this.find(appId), rolloutId, attempt);
    await untilAborted(Promise.all(parts.map((part) => this.stopPart(part, signal))), signal);
  }

  /** Runs on the connected engine, on a Swarm the manager's: a one-off command needs no service. */
  async run(task: OneOffSpec, options: OneOffOptions): Promise<OneOffExit> {
    const { installationId, commandNetwork: network, runtime } = this;
    const [{ connection, files }] = this.engines;
    const quota = await this.#diskQuota();
    return await runOneOff(connection, { installationId, network, runtime, quota, files }, task, options);
  }

  async discard(appId: string, rolloutId: string, { attempt }: { readonly attempt: number }): Promise<void> {
    await removeOneOffs(this.docker, this.installationId, appId, { rolloutId, attempt });
    await this.removeUnpromoted(startedUpTo(await this.find(appId), rolloutId, attempt));
  }

  async removeApp(appId: string): Promise<void> {
    await removeOneOffs(this.docker, this.installationId, appId);
    await this.removeParts(await this.find(appId));
  }

  async list(appId?: string): Promise<readonly ListedRollout[]> {
    return listRollouts(await this.find(appId));
  }

  /** One file count at a time: a count may take longer than the interval between counts. */
  async restartOverfull(excess: DiskExcess): Promise<readonly OverfullInstance[]> {
    if (excess === "bytes") return await this.restartAllOverfull(excess);
    if (this.#isCounting) return [];
    this.#isCounting = true;
    try {
      return await this.restartAllOverfull(excess);
    } finally {
      this.#isCounting = false;
    }
  }

  async imageDigests(repository: string, signal: AbortSignal): Promise<readonly string[]> {
    const engines = await this.respondingEngines();
    const stored = engines.map(({ connection }) => connection.images.digests(repository, signal));
    return [...new Set((await Promise.all(stored)).flat())];
  }

  async removeImage(repository: string, digest: string, signal: AbortSignal): Promise<void> {
    const engines = await this.respondingEngines();
    await inTurn(engines, ({ connection }) => connection.images.remove(repository, digest, signal));
  }

  async diskQuota(): Promise<DiskQuota> {
    return await this.#diskQuota();
  }

  async uncountedDriver(): Promise<string | null> {
    return await this.engines[0].files.uncountedDriver();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { connection } of this.engines) connection[Symbol.dispose]();
  }

  /** The first engine, and those of the others that respond: a node that is down must not stop housekeeping. */
  protected async respondingEngines(): Promise<readonly ConnectedEngine[]> {
    const [first, ...others] = this.engines;
    const found = await Promise.all(others.map((engine) => ifReachable(engine.docker, async () => engine)));
    return [first, ...found.filter((engine) => engine !== null)];
  }

  protected get docker(): Docker {
    return this.engines[0].docker;
  }

  /** Removes the parts of attempts that ended before their promotion; a promoted start serves until the next promotion. */
  async #removeEarlierAttempts({ appId, rolloutId, attempt }: RolloutSpec): Promise<void> {
    const parts = (await this.find(appId)).filter((part) => part.rolloutId === rolloutId);
    if (parts.some((part) => part.attempt > attempt))
      throw new SlipwayError("lease-lost", "a later attempt is starting the release");
    await this.removeUnpromoted(parts);
  }
}

function connectEngine(
  connectionOptions: DockerConnectionOptions,
  { installationId, watchImage: image }: RolloutSchedulerOptions,
): ConnectedEngine {
  const connection = connectDocker(connectionOptions);
  const labels = { [label.installation]: installationId, [label.kind]: "file-count" };
  return { connection, docker: connection.docker, files: openFileCounter(connection, { image, labels }) };
}
