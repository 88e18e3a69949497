// The scheduler under test, as the parts of its contract suite use it.

import type { ListedRollout, RolloutSpec, Scheduler } from "@slipway/core";

/** What a part of the suite works with. */
export interface SchedulerUnderTest {
  readonly scheduler: () => Scheduler;
  /** The engine that runs its containers. */
  readonly dockerHost: () => string;
  /** A further connection; who opens it disposes it. */
  readonly open: () => Scheduler;
  /** A rollout of an app of its own that runs a shell script. */
  readonly rolloutOf: (script: string, changes?: Partial<RolloutSpec>) => RolloutSpec;
  /** Of the same app's next release. */
  readonly next: (first: RolloutSpec, script: string, changes?: Partial<RolloutSpec>) => RolloutSpec;
  /** @returns the former rollouts. */
  readonly promote: (rollout: RolloutSpec) => Promise<readonly ListedRollout[]>;
  /** Promotes it and stops what it replaced. */
  readonly replace: (rollout: RolloutSpec) => Promise<void>;
  /** Waits until there are so many containers of the rollout, in whatever state. */
  readonly untilContainers: (rollout: RolloutSpec, count: number) => Promise<void>;
  readonly untilGone: (rollout: RolloutSpec) => Promise<void>;
  /** Rollouts of the same app that there are. */
  readonly running: (rollout: RolloutSpec) => Promise<string[]>;
}
