// Promotes a rollout that serves an app although the deployment or operation that put it in service ended before its promotion:
// the engine failed in every attempt, or every worker that attempted it crashed. Until then the engine does not restart its instances.

import type { Scheduler } from "@slipway/core";
import type { Housekeeping } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import { noteInstances } from "./observe.ts";
import type { InstancesContext } from "./observe.ts";

export interface RequestPromotionContext {
  readonly housekeeping: Pick<Housekeeping, "request">;
  readonly logger: Logger;
}

export type PromoteRolloutContext = InstancesContext & { readonly scheduler: Pick<Scheduler, "promote"> };

interface RolloutIds {
  readonly appId: string;
  readonly rolloutId: string;
}

/** Never rejects: without Redis a failure is logged, and the app's next rollout replaces this one. */
export async function requestPromotion(
  { housekeeping, logger }: RequestPromotionContext,
  { appId, rolloutId }: RolloutIds,
): Promise<void> {
  await housekeeping
    .request({ type: "promote-rollout", appId, rolloutId })
    .catch((error: unknown) =>
      logger.warn(
        { err: error, app: appId, rollout: rolloutId },
        "cannot request the promotion of a rollout",
      ),
    );
}

/**
 * Promotes the rollout if it is still the app's current one. Idempotent, and safe while the app's lane starts another rollout, whose
 * instances it does not change. The sweep requests the stop of former rollouts.
 * @throws {SlipwayError} "engine-unavailable"; "not-found" when the rollout has no instance.
 */
export async function promoteRollout(
  context: PromoteRolloutContext,
  { appId, rolloutId }: RolloutIds,
): Promise<void> {
  const app = await context.store.apps.get(appId);
  if (app === null || app.deletedAt !== null || app.currentRolloutId !== rolloutId) return;
  await context.scheduler.promote(appId, rolloutId, { count: app.webCount });
  await noteInstances(context, appId);
}
