// The contract suite of the scheduler port: what every place that releases run in has to do, said in tests.

import { afterAll, beforeAll, describe, expect } from "vitest";
import type { RolloutSpec, Scheduler } from "@slipway/core";
import { attemptsContract } from "./scheduler-contract/attempts.ts";
import { commandsContract } from "./scheduler-contract/commands.ts";
import { failuresContract } from "./scheduler-contract/failures.ts";
import { imagesContract } from "./scheduler-contract/images.ts";
import { countContainers, eventually, never, scriptRollout } from "./scheduler-contract/rollouts.ts";
import { servingContract } from "./scheduler-contract/serving.ts";
import { stoppingContract } from "./scheduler-contract/stopping.ts";
import type { SchedulerUnderTest } from "./scheduler-contract/under-test.ts";

/** A private installation on an engine. Disposing it removes what is left of it. */
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
 * @param name the adapter's. @param newPlace makes an empty place, once.
 */
export function schedulerContract(name: string, newPlace: () => Promise<SchedulerContractContext>): void {
  // They wait, mostly: for processes, and on a swarm for its managers. Each has apps of its own.
  describe(`${name} keeps the scheduler's contract`, { concurrent: true, timeout: 90_000 }, () => {
    const opened = new AsyncDisposableStack();
    let place: SchedulerContractContext;
    let scheduler: Scheduler;
    beforeAll(async () => {
      place = opened.use(await newPlace());
      scheduler = opened.use(place.open());
    });
    afterAll(() => opened.disposeAsync());

    const rolloutOf = (script: string, changes: Partial<RolloutSpec> = {}): RolloutSpec => ({
      ...scriptRollout(place.image, script),
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
      eventually(async () => expect(await countContainers(place.dockerHost, rollout)).toBe(count));
    const running = async (rollout: RolloutSpec): Promise<string[]> =>
      (await scheduler.list())
        .filter(({ appId }) => appId === rollout.appId)
        .map(({ rolloutId }) => rolloutId);

    const underTest: SchedulerUnderTest = {
      scheduler: () => scheduler,
      dockerHost: () => place.dockerHost,
      open: () => place.open(),
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
    failuresContract(underTest);
    attemptsContract(underTest);
    stoppingContract(underTest);
    imagesContract(underTest);
  });
}
