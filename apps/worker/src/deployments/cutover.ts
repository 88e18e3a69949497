// Waits until every router sends an app's requests to the new rollout and has drained the former rollouts.

import { DeadlineError, pause, withDeadline } from "@slipway/async";
import { countPendingRouters, publish, routesChannel } from "@slipway/bus";
import { routerTiming } from "@slipway/protocol";
import type { Bus } from "@slipway/bus";
import type { RouteMessage } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import type { WorkerConfig } from "../config.ts";

const pollMs = 25;
/** The message is published again after this many polls, because pub/sub may lose messages. */
const publishEveryPolls = 20;
/** Additional time, beyond the drain, for a router to receive the message and to confirm. */
const spareMs = 1_000;

export interface CutoverContext extends Bus {
  readonly logger: Logger;
  readonly config: { readonly timing: Pick<WorkerConfig["timing"], "drainMs"> };
}

/**
 * Call it after the store points the app at the rollout, and before the former rollouts are stopped. Resolves at once when there are no
 * routers, and at the latest some seconds after `drainMs`: a router that has not confirmed retries requests on the new rollout when they
 * fail on the former one.
 * @throws the signal's reason when aborted.
 */
export async function awaitCutover(
  context: CutoverContext,
  { appId, rolloutId }: { readonly appId: string; readonly rolloutId: string },
  signal: AbortSignal,
): Promise<void> {
  const drainMs = context.config.timing.drainMs;
  const limitMs = drainMs + routerTiming.aliveMs + spareMs;
  const message = { appId, switch: { rolloutId, drainMs } };
  try {
    await withDeadline((bound) => untilCutOver(context, message, bound), { limitMs, signal });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    context.logger.warn(
      { app: appId, rollout: rolloutId },
      "not every router has confirmed the cutover in time; continuing without",
    );
  }
}

/** Never rejects. Ends soon after the signal is aborted, or when Redis answers again. */
async function untilCutOver(
  context: CutoverContext,
  message: RouteMessage & { readonly switch: { readonly rolloutId: string } },
  signal: AbortSignal,
): Promise<void> {
  for (let poll = 0; !signal.aborted; poll += 1) {
    try {
      if (poll % publishEveryPolls === 0) await publish(context, routesChannel, message);
      if ((await countPendingRouters(context, message.switch.rolloutId)) === 0) return;
    } catch (error) {
      context.logger.warn({ err: error }, "cannot reach the routers through Redis");
    }
    await pause(pollMs);
  }
}
