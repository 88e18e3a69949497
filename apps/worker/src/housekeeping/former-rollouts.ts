// Stops the rollouts that an app's current rollout replaced. Housekeeping does this while the app's lane continues. The number of former
// rollouts is limited, so that they do not fill the engine when an app is replaced faster than they stop.

import { poll } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { App, ListedRollout, Scheduler, Store } from "@slipway/core";
import type { Housekeeping } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "../config.ts";

/** Limit of former rollouts of an app when its next rollout starts, which adds one more. */
const maxFormer = 2;
const pollEveryMs = 500;
/** Time that a rollout may take to stop beyond its grace period, before the engine counts as failing. */
const spareMs = 60_000;

type Former = Omit<ListedRollout, "releaseId">;

export interface RequestStopsContext {
  readonly housekeeping: Pick<Housekeeping, "request">;
  readonly logger: Logger;
}

interface InUseContext {
  readonly store: Pick<Store, "apps" | "deployments" | "operations" | "releases">;
}

export type StopRolloutContext = InUseContext & { readonly scheduler: Pick<Scheduler, "list" | "stop"> };

export type FormerRolloutsContext = RequestStopsContext & {
  readonly scheduler: Pick<Scheduler, "list">;
  readonly config: { readonly timing: Pick<WorkerConfig["timing"], "stopGraceMs"> };
};

/** Requests a stop of each rollout. Never rejects: the sweep repeats failed requests. */
export async function requestStops(
  { housekeeping, logger }: RequestStopsContext,
  former: readonly Former[],
): Promise<void> {
  for (const { appId, rolloutId, attempt } of former) {
    await housekeeping
      .request({ type: "stop-rollout", appId, rolloutId, attempt })
      .catch((error: unknown) =>
        logger.warn(
          { err: error, app: appId, rollout: rolloutId },
          "cannot request the stop of a former rollout; the sweep will request it again",
        ),
      );
  }
}

/**
 * Stops a former rollout, and resolves when it is gone. Keeps a rollout that serves or starts: a worker that was suspended may have
 * requested its stop by mistake.
 * @throws {SlipwayError} "engine-unavailable"; the signal's reason when aborted.
 */
export async function stopFormerRollout(
  context: StopRolloutContext,
  former: Former,
  signal: AbortSignal,
): Promise<void> {
  const isStopped = (await isStartedAgain(context, former)) || !(await isInUse(context, former));
  if (isStopped) await context.scheduler.stop(former, { signal });
}

/**
 * Call it in the app's lane, before a rollout is started. Resolves at once unless many former rollouts are still stopping; then it resolves
 * when enough of them are gone.
 * @param rollout.onWait called once when it has to wait.
 * @throws {SlipwayError} "engine-unavailable" when they do not stop in time; the signal's reason when aborted.
 */
export async function waitForFormerRollouts(
  context: FormerRolloutsContext,
  rollout: {
    readonly app: App;
    readonly rolloutId: string;
    readonly onWait: () => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { app, rolloutId: next, onWait, signal } = rollout;
  const formerOnes = async () => {
    const there = await context.scheduler.list(app.id);
    return there.filter(({ rolloutId }) => rolloutId !== app.currentRolloutId && rolloutId !== next);
  };
  const former = await formerOnes();
  if (former.length <= maxFormer) return;
  onWait();
  await requestStops(context, former);
  const limitMs = context.config.timing.stopGraceMs + spareMs;
  const isRoom = async () => (await formerOnes()).length <= maxFormer;
  if ((await poll(isRoom, { everyMs: pollEveryMs, limitMs, signal })) === true) return;
  throw new SlipwayError(
    "engine-unavailable",
    `former rollouts of the app have not stopped within ${limitMs / 1000} s; see why the engine does not stop them`,
  );
}

/** Whether a later attempt has started the same rollout again. In this case the later start is in use. */
async function isStartedAgain(
  { scheduler }: { readonly scheduler: Pick<Scheduler, "list"> },
  former: Former,
): Promise<boolean> {
  const there = await scheduler.list(former.appId);
  return there.some(({ rolloutId, attempt }) => rolloutId === former.rolloutId && attempt > former.attempt);
}

/** The app is read last: if its work ends between the reads, the rollout has become the current one before that. */
async function isInUse({ store }: InUseContext, { appId, rolloutId }: Former): Promise<boolean> {
  const [operation, deployment] = [
    await store.operations.running(appId),
    await store.deployments.running(appId),
  ];
  const release = deployment === null ? null : await store.releases.get(rolloutId);
  if (operation?.id === rolloutId || (release !== null && release.deploymentId === deployment?.id))
    return true;
  return (await store.apps.get(appId))?.currentRolloutId === rolloutId;
}
