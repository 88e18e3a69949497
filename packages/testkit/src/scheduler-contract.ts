// The contract suite of the scheduler port, which every scheduler must pass.

import { afterAll, beforeAll, describe, expect } from "vitest";
import type { RolloutSpec, Scheduler } from "@slipway/core";
import { attemptsContract } from "./scheduler-contract/attempts.ts";
import { bootTimeoutsContract } from "./scheduler-contract/boot-timeouts.ts";
import { commandsContract } from "./scheduler-contract/commands.ts";
import { failuresContract } from "./scheduler-contract/failures.ts";
import { healthChecksContract } from "./scheduler-contract/health-checks.ts";
import { imagesContract } from "./scheduler-contract/images.ts";
import { replacingContract } from "./scheduler-contract/replacing.ts";
import { countContainers, eventually, never, scriptRollout } from "./scheduler-contract/rollouts.ts";
import { servingContract } from "./scheduler-contract/serving.ts";
import { stoppingContract } from "./scheduler-contract/stopping.ts";
import type { SchedulerUnderTest } from "./scheduler-contract/under-test.ts";

/** A private installation on an engine. Disposing it removes everything that remains. */
export interface SchedulerContractContext extends AsyncDisposable {
  /** The engine that the scheduler connects to, and that runs its containers. */
  readonly dockerHost: string;
  /** An image with bash and perl. */
  readonly image: string;
  /** Opens another connection for the same installation. The caller disposes it. */
  readonly open: () => Scheduler;
}

/**
 * Runs the suite.
 * @param name the adapter's name. @param openContext is called once.
 */
export function schedulerContract(name: string, openContext: () => Promise<SchedulerContractContext>): void {
  // The tests run concurrently, because they mostly wait for processes and for managers of a swarm. Each test has its own apps.
  describe(`${name} keeps the scheduler's contract`, { concurrent: true, timeout: 90_000 }, () => {
    const opened = new AsyncDisposableStack();
    let context: SchedulerContractContext;
    let scheduler: Scheduler;
    beforeAll(async () => {
      context = opened.use(await openContext());
      scheduler = opened.use(context.open());
    });
    afterAll(() => opened.disposeAsync());

    const rolloutOf = (script: string, changes: Partial<RolloutSpec> = {}): RolloutSpec => ({
      ...scriptRollout(context.image, script),
      ...changes,
    });
    const next = (first: RolloutSpec, script: string, changes: Partial<RolloutSpec> = {}): RolloutSpec =>
      rolloutOf(script, { appId: first.appId, releaseNumber: first.releaseNumber + 1, ...changes });
    const promote = (rollout: RolloutSpec) =>
      scheduler.promote(rollout.appId, rollout.rolloutId, { count: rollout.count });
    const replace = async (rollout: RolloutSpec): Promise<void> => {
      const former = await promote(rollout);
      await Promise.all(former.map((one) => scheduler.stop(one, { signal: never })));
    };
    const untilContainers = (rollout: RolloutSpec, count: number): Promise<void> =>
      eventually(async () => expect(await countContainers(context.dockerHost, rollout)).toBe(count));
    const running = async (rollout: RolloutSpec): Promise<string[]> =>
      (await scheduler.list())
        .filter(({ appId }) => appId === rollout.appId)
        .map(({ rolloutId }) => rolloutId);

    const underTest: SchedulerUnderTest = {
      scheduler: () => scheduler,
      dockerHost: () => context.dockerHost,
      open: () => context.open(),
      rolloutOf,
      next,
      promote,
      replace,
      untilContainers,
      untilGone: (rollout) => untilContainers(rollout, 0),
      running,
    };
    commandsContract(underTest);
    servingContract(underTest);
    replacingContract(underTest);
    failuresContract(underTest);
    bootTimeoutsContract(underTest);
    healthChecksContract(underTest);
    attemptsContract(underTest);
    stoppingContract(underTest);
    imagesContract(underTest);
  });
}
