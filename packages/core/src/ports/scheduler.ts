// The port to where releases run. What runs is a rollout: one set of instances of a release. It is started beside the one
// that serves, and takes its place only when all of it is up.
//
// Order of calls: start → promote, or start → discard; what a promotion replaced → stop. Each may be repeated. Of one app only
// one caller starts, promotes and discards at a time (its lane sees to that), while any number stop former rollouts; different
// apps run side by side. A caller that lost its lane without knowing it does no harm to the one after it: what a higher attempt
// started is not touched by a lower one.

import type { Address } from "../app.ts";

export interface RolloutSpec {
  readonly appId: string;
  readonly appName: string;
  readonly releaseId: string;
  readonly releaseNumber: number;
  /** A deployment's is its release's id, an operation's its own. */
  readonly rolloutId: string;
  /** Instances, 0 or more. */
  readonly count: number;
  /** Null when no deployment asked for it. */
  readonly deploymentId: string | null;
  readonly attempt: number;
  /** Reference by digest. */
  readonly image: string;
  /** argv of the process. */
  readonly command: readonly string[];
  readonly processType: string;
  /**
   * Of all instances. The scheduler adds PORT and CONTAINER of each instance, and HOSTNAME unless it is here: the name of the
   * instance's container, which resolves inside it.
   */
  readonly environment: Readonly<Record<string, string>>;
  /** Of each instance. */
  readonly limits: { readonly memoryBytes: number; readonly cpus: number; readonly pids: number };
  /** How long each instance has to accept TCP on PORT. */
  readonly bootTimeoutMs: number;
  /** The app's public host name, for proxies that find what to route by labels; null when there is none. */
  readonly hostname: string | null;
}

/** A command of an app that runs once, beside what serves. */
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
  | "environment"
  | "limits"
>;

export interface OneOffExit {
  readonly exitCode: number;
  readonly outOfMemory: boolean;
}

export type InstanceState = "starting" | "running" | "restarting" | "stopped";

export interface Instance {
  readonly id: string;
  readonly appId: string;
  readonly releaseId: string;
  readonly releaseNumber: number;
  readonly rolloutId: string;
  readonly processType: string;
  /** From 1 in its rollout. */
  readonly index: number;
  /** One is "running" once its rollout is promoted. */
  readonly state: InstanceState;
  readonly createdAt: Date;
  /** Null while it has none. */
  readonly address: Address | null;
  readonly memoryBytes: number;
  readonly cpus: number;
}

export interface ListedRollout {
  readonly appId: string;
  readonly releaseId: string;
  readonly rolloutId: string;
  /** The highest that started something of it. */
  readonly attempt: number;
}

export interface StartOptions {
  /** Gets what the instances write while they boot, as it comes; of several instances whole lines, and calls may overlap. */
  readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
  readonly signal: AbortSignal;
}

export interface Scheduler extends AsyncDisposable {
  /**
   * Starts `count` instances beside what serves and resolves once all of them accept TCP on PORT: in the order of their
   * indexes, at once with none when `count` is 0. What a former attempt at the same rollout left unpromoted is removed
   * first; a promoted one serves on. On any failure nothing that this call started is left.
   * @throws {SlipwayError} "app-crashed" when an instance exits before, "boot-timeout" when one never listens,
   * "engine-unavailable", "registry-unavailable" when the image cannot be pulled, "lease-lost" when a higher attempt is at
   * it; what `onOutput` throws; the signal's reason when aborted.
   */
  start(rollout: RolloutSpec, options: StartOptions): Promise<readonly Address[]>;
  /**
   * From now on the rollout, as started last, is the app's: its instances are kept alive. All others of the app go on running.
   * @param options.count as it was started with. With 0 there is nothing to keep.
   * @returns the former rollouts: all else of the app that is there, for `stop`. An earlier start of the same rollout is one of
   * them, with its own, lower attempt.
   * @throws {SlipwayError} "not-found" when nothing of the rollout is there, unless `count` is 0.
   */
  promote(
    appId: string,
    rolloutId: string,
    options: { readonly count: number },
  ): Promise<readonly ListedRollout[]>;
  /**
   * Stops (SIGTERM, `graceMs`, SIGKILL) and removes what this attempt, or one before, started of the rollout, promoted or not.
   * `list` has the rollout until all of it has stopped. Nothing of it being there is fine.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted: instances that were told to stop do so all the
   * same, and a further call removes them.
   */
  stop(
    rollout: Omit<ListedRollout, "releaseId">,
    options: { readonly graceMs: number; readonly signal: AbortSignal },
  ): Promise<void>;
  /**
   * Runs a command to its end, as an instance of its rollout would run it, and leaves nothing of it. What a former attempt at
   * the same rollout left running is removed first; `discard` and `removeApp` remove it as well.
   * @throws {SlipwayError} "engine-unavailable", "registry-unavailable"; what `onOutput` throws; the signal's reason when aborted.
   */
  run(task: OneOffSpec, options: StartOptions): Promise<OneOffExit>;
  /** Removes what this attempt, or one before, started of the rollout and nobody promoted. */
  discard(appId: string, rolloutId: string, options: { readonly attempt: number }): Promise<void>;
  /**
   * Where the rollout's instances, as started last, answer now: they may be moved. In the order of their indexes; an
   * instance that is being started again is in it only when its address is known to stay.
   */
  addresses(appId: string, rolloutId: string): Promise<readonly Address[]>;
  /** All instances of an app, of whatever rollout; by rollout and index. */
  instances(appId: string): Promise<readonly Instance[]>;
  /** Stops and removes everything of an app. */
  removeApp(appId: string): Promise<void>;
  /** Rollouts of which something is there, in whatever state, each once: of one app, or of all, for finding what was left behind. */
  list(appId?: string): Promise<readonly ListedRollout[]>;
  ping(): Promise<void>;
}
