// The port to the scheduler, which runs rollouts: sets of instances of a release. A new rollout is started beside the current one,
// and replaces it only when all its instances accept connections.
//
// Order of calls: start → promote, or start → discard; stop for each rollout that a promotion replaced. Each call may be
// repeated. For one app, only one caller at a time starts, promotes and discards (the app's lane ensures that), while any
// number of callers may stop former rollouts. Calls for different apps are independent. A caller that has lost its lane cannot
// disturb its successor: a lower attempt never changes what a higher attempt started.

import type { Address } from "../app.ts";
import type { DiskExcess } from "../disk-limit.ts";
import type { Healthcheck } from "../image-config.ts";
import type { DiskQuota } from "./engine.ts";

export interface RolloutSpec {
  readonly appId: string;
  readonly appName: string;
  readonly releaseId: string;
  readonly releaseNumber: number;
  /** The release's id for a deployment, the operation's id for a restart or a scaling. */
  readonly rolloutId: string;
  /** Number of instances, 0 or more. */
  readonly count: number;
  /** Null when an operation starts the rollout. */
  readonly deploymentId: string | null;
  readonly attempt: number;
  /** Reference by digest. */
  readonly image: string;
  /** argv of the process. */
  readonly command: readonly string[];
  readonly processType: string;
  /** Port that an instance listens on, the value of PORT. Null for the scheduler's default. */
  readonly port: number | null;
  /**
   * Variables of all instances. The scheduler adds PORT and CONTAINER for each instance, and HOSTNAME unless it is set here:
   * the name of the instance's container, which resolves inside it.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Limits of each instance. */
  readonly limits: {
    readonly memoryBytes: number;
    readonly cpus: number;
    readonly pids: number;
    /** Limit for all files that an instance writes, for each file, and by `maxFiles` for their number. */
    readonly diskBytes: number;
  };
  /** Runs in each instance that has begun to listen, until it succeeds; null for none. */
  readonly healthcheck: Healthcheck | null;
  /** Time limit for each instance to accept TCP connections on PORT, and for its health check to succeed. */
  readonly bootTimeoutMs: number;
  /**
   * Time from SIGTERM to SIGKILL whenever an instance is stopped: by `stop`, by `removeApp`, or by the engine or an operator.
   * Fixed when the rollout is started. Engines count in whole seconds, so it is rounded up.
   */
  readonly stopGraceMs: number;
  /** The app's public host name, for proxies that discover routes by labels; null when it has none. */
  readonly hostname: string | null;
}

/** A command of an app that runs once, beside the current rollout. */
export type OneOffSpec = Pick<
  RolloutSpec,
  | "appId"
  | "appName"
  | "releaseId"
  | "releaseNumber"
  | "rolloutId"
  | "deploymentId"
  | "attempt"
  | "image"
  | "command"
  | "processType"
  | "port"
  | "environment"
  | "limits"
>;

export interface OneOffOptions extends StartOptions {
  /** Time limit from the start of the command's process, which is then killed. The pull of the image does not count. */
  readonly timeoutMs: number;
}

export interface OneOffExit {
  readonly exitCode: number;
  readonly timedOut: boolean;
  /** Whether the OOM killer killed one of its processes. The command may have succeeded nevertheless. */
  readonly outOfMemory: boolean;
  /** The part of `diskBytes` for which the command was killed; null when it was not. */
  readonly diskFull: DiskExcess | null;
}

export type InstanceState = "starting" | "running" | "restarting" | "stopped";

export interface Instance {
  readonly id: string;
  readonly appId: string;
  readonly releaseId: string;
  readonly releaseNumber: number;
  readonly rolloutId: string;
  readonly processType: string;
  /** Number of the instance in its rollout, from 1. */
  readonly index: number;
  /** An instance is "running" only after its rollout is promoted. */
  readonly state: InstanceState;
  readonly createdAt: Date;
  /** Null while the instance has no address. */
  readonly address: Address | null;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Why Slipway restarted the instance, for the app's owner; null when it did not. */
  readonly restartReason: string | null;
}

/** An instance that exceeded `diskBytes`. */
export interface OverfullInstance {
  readonly appId: string;
  readonly index: number;
  /** What the instance exceeded, and its limit: the predicate of a sentence. */
  readonly reason: string;
}

export interface ListedRollout {
  readonly appId: string;
  readonly releaseId: string;
  readonly rolloutId: string;
  /** The highest attempt that started instances of the rollout. */
  readonly attempt: number;
}

export interface StartOptions {
  /** Receives the instances' output while they boot. With several instances it receives whole lines, and calls may overlap. */
  readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
  readonly signal: AbortSignal;
}

export interface Scheduler extends AsyncDisposable {
  /**
   * Pulls the image of a rollout that is about to start, if instances run on the connected engine. `start` joins the pull, and pulls
   * the image itself otherwise.
   * @param image reference by digest.
   * @throws {SlipwayError} "engine-unavailable", "registry-unavailable" when it cannot be pulled; the signal's reason when aborted.
   */
  prepareImage(image: string, signal: AbortSignal): Promise<void>;
  /**
   * Starts `count` instances beside the current rollout. Resolves once all of them accept TCP connections on PORT, with their
   * addresses in the order of their indexes; immediately with none when `count` is 0. First removes instances that an earlier
   * attempt at the same rollout left unpromoted; promoted ones continue to serve. When it fails, it leaves no instance that
   * it started.
   * @throws {SlipwayError} "app-crashed" when an instance exits before it listens, "boot-timeout" when one never listens,
   * "engine-unavailable", "registry-unavailable" when the image cannot be pulled, "lease-lost" when a higher attempt works on
   * the rollout; what `onOutput` throws; the signal's reason when aborted.
   */
  start(rollout: RolloutSpec, options: StartOptions): Promise<readonly Address[]>;
  /**
   * Makes the latest start of the rollout the current one of its app: its instances are kept alive. The app's other instances
   * continue to run.
   * @param options.count the number of instances that it was started with.
   * @returns the app's former rollouts, for `stop`. An earlier start of the same rollout is one of them, with its own, lower
   * attempt.
   * @throws {SlipwayError} "not-found" when the rollout has no instance, unless `count` is 0.
   */
  promote(
    appId: string,
    rolloutId: string,
    options: { readonly count: number },
  ): Promise<readonly ListedRollout[]>;
  /**
   * Stops (SIGTERM, the rollout's `stopGraceMs`, SIGKILL) and removes the rollout's instances that this or an earlier attempt started, promoted
   * or not. `list` contains the rollout until all of them have stopped. Does nothing when the rollout has no instance.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted: instances that have received SIGTERM stop
   * anyway, and another call removes them.
   */
  stop(rollout: Omit<ListedRollout, "releaseId">, options: { readonly signal: AbortSignal }): Promise<void>;
  /**
   * Runs a command to its end in the environment of an instance, and removes its container. First removes a container that an
   * earlier attempt at the same rollout left running; `discard` and `removeApp` remove it as well.
   * @throws {SlipwayError} "engine-unavailable", "registry-unavailable"; what `onOutput` throws; the signal's reason when aborted.
   */
  run(task: OneOffSpec, options: OneOffOptions): Promise<OneOffExit>;
  /** Removes the rollout's unpromoted instances that this or an earlier attempt started. */
  discard(appId: string, rolloutId: string, options: { readonly attempt: number }): Promise<void>;
  /**
   * Present addresses of the instances of the rollout's latest start, in the order of their indexes. They may change. An
   * instance that is restarting is included only if it will keep its address.
   */
  addresses(appId: string, rolloutId: string): Promise<readonly Address[]>;
  /** The instances of all rollouts of an app, sorted by rollout and index. */
  instances(appId: string): Promise<readonly Instance[]>;
  /**
   * Returns a text for each app that has an instance. It changes whenever `addresses` or `instances` of the app may have changed for
   * another reason than `promote`. The number of engine calls does not depend on the number of apps.
   * @throws {SlipwayError} "engine-unavailable".
   */
  fingerprints(): Promise<ReadonlyMap<string, string>>;
  /** Stops all instances of an app, each with the `stopGraceMs` of its rollout, and removes all containers of the app. */
  removeApp(appId: string): Promise<void>;
  /** Rollouts that have an instance in any state, each once; of one app, or of all, to find leftovers. */
  list(appId?: string): Promise<readonly ListedRollout[]>;
  /**
   * Digests of a repository's images that the connected engines store, in any order; none when they store none.
   *
   * A Swarm stores images on each node that runs a task, and its API cannot list or remove them there. A scheduler for a Swarm
   * therefore covers the images of the nodes whose engines it is connected to and respond; on the other nodes operators remove unused images,
   * for example with a scheduled `docker image prune`.
   * @param repository including the registry's host, e.g. `127.0.0.1:5000/apps/6f2a…`.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
   */
  imageDigests(repository: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Removes an image from the connected engines; see `imageDigests` for what that means on a Swarm. Does nothing when a
   * container, running or not, uses the image, or when it does not exist. A later start pulls the image again.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted, although the engine may still remove the
   * image.
   */
  removeImage(repository: string, digest: string, signal: AbortSignal): Promise<void>;
  /**
   * Starts instances that wrote more than `diskBytes`, unless the kernel limits that, or created more files than that allows, again
   * with the files of their image, and those that an earlier call did not start. One that still boots is killed, so that its start
   * fails. On a Swarm it covers the nodes whose engines it is connected to, and skips those that do not respond. Counting files takes up to ten minutes.
   * @throws {SlipwayError} "engine-unavailable", after it has tried all instances.
   */
  restartOverfull(excess: DiskExcess): Promise<readonly OverfullInstance[]>;
  /** @returns the connected engine's storage driver if it prevents counting the files of instances and commands; null otherwise. */
  uncountedDriver(): Promise<string | null>;
  /** Host names of nodes that may run instances but whose engines cannot be reached, so their instances are not measured. */
  unreachedNodes(): Promise<readonly string[]>;
  /** The limits that the connected engine's kernel enforces; determined once, by the first call that succeeds. */
  diskQuota(): Promise<DiskQuota>;
  ping(): Promise<void>;
}
