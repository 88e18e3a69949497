// The scheduler under test, as the parts of its contract suite use it.

import type { ListedRollout, RolloutSpec, Scheduler } from "@slipway/core";

export interface SchedulerUnderTest {
  readonly scheduler: () => Scheduler;
  /** The engine that runs its containers. */
  readonly dockerHost: () => string;
  /** Opens another connection, which the caller disposes. */
  readonly open: () => Scheduler;
  /** A rollout of a new app that runs a shell script. */
  readonly rolloutOf: (script: string, changes?: Partial<RolloutSpec>) => RolloutSpec;
  /** A rollout of the same app's next release. */
  readonly next: (first: RolloutSpec, script: string, changes?: Partial<RolloutSpec>) => RolloutSpec;
  /** @returns the former rollouts. */
  readonly promote: (rollout: RolloutSpec) => Promise<readonly ListedRollout[]>;
  /** Promotes the rollout and stops the former ones. */
  readonly replace: (rollout: RolloutSpec) => Promise<void>;
  /** Waits until the rollout has this number of containers, in any state. */
  readonly untilContainers: (rollout: RolloutSpec, count: number) => Promise<void>;
  readonly untilGone: (rollout: RolloutSpec) => Promise<void>;
  /** Ids of the existing rollouts of the same app. */
  readonly running: (rollout: RolloutSpec) => Promise<string[]>;
}
