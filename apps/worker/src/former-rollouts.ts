// What an app's current rollout replaced stops while the app's lane goes on: it is asked for here, done as housekeeping, and
// bounded, so that an app that is replaced faster than it stops does not fill the engine.

import { poll } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { App, ListedRollout } from "@slipway/core";
import type { Platform } from "./platform.ts";

/** Former rollouts of an app that may be there when its next one starts, which adds one more. */
const mostFormer = 2;
const lookEveryMs = 500;
/** How much longer than its grace a rollout may take to stop before the engine counts as failing. */
const spareMs = 60_000;

type Known = Omit<ListedRollout, "releaseId">;

/** Asks for each to be stopped. Never rejects: the sweep finds those that could not be asked for. */
export async function requestStops(
  { housekeeping, logger }: Pick<Platform, "housekeeping" | "logger">,
  former: readonly Known[],
): Promise<void> {
  for (const { appId, rolloutId, attempt } of former) {
    await housekeeping
      .request({ type: "stop-rollout", appId, rolloutId, attempt })
      .catch((error: unknown) =>
        logger.warn(
          { err: error, app: appId, rollout: rolloutId },
          "cannot ask for a former rollout to stop",
        ),
      );
  }
}

/**
 * Call it in the app's lane, before a rollout is started. Resolves at once unless many former ones are still stopping: then when
 * enough of them are gone.
 * @param rollout.onWait called once when it has to wait.
 * @throws {SlipwayError} "engine-unavailable" when they do not stop in time; the signal's reason when aborted.
 */
export async function waitForFormerRollouts(
  platform: Pick<Platform, "scheduler" | "housekeeping" | "logger" | "config">,
  rollout: {
    readonly app: App;
    readonly rolloutId: string;
    readonly onWait: () => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { app, rolloutId: next, onWait, signal } = rollout;
  const formerOnes = async () => {
    const there = await platform.scheduler.list(app.id);
    return there.filter(({ rolloutId }) => rolloutId !== app.currentRolloutId && rolloutId !== next);
  };
  const former = await formerOnes();
  if (former.length <= mostFormer) return;
  onWait();
  await requestStops(platform, former);
  const limitMs = platform.config.STOP_GRACE_MS + spareMs;
  const isRoom = async () => (await formerOnes()).length <= mostFormer;
  if ((await poll(isRoom, { everyMs: lookEveryMs, limitMs, signal })) === true) return;
  throw new SlipwayError(
    "engine-unavailable",
    `former rollouts of the app have not stopped within ${limitMs / 1000} s; see why the engine does not stop them`,
  );
}
