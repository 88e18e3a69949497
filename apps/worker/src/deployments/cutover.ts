// Waits until every router sends an app's requests to its new rollout and has drained the former ones.

import { DeadlineError, pause, withDeadline } from "@slipway/async";
import { routerTiming } from "@slipway/protocol";
import type { RedisKeys, RouteMessage } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import type { Redis } from "ioredis";
import type { WorkerConfig } from "../config.ts";

const pollMs = 25;
/** Published again, because pub/sub may lose messages. */
const publishEveryPolls = 20;
/** Time for a router to receive the message and to confirm, beyond the drain. */
const spareMs = 1_000;

/** KEYS: routers seen, routers cut over. ARGV: ms that a silent router counts as alive. Returns the number of pending routers. */
const pendingScript = `
local time = redis.call('TIME')
local since = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
local pending = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], since, '+inf')) do
  if redis.call('SISMEMBER', KEYS[2], id) == 0 then pending = pending + 1 end
end
return pending`;

export interface CutoverContext {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly logger: Logger;
  readonly config: { readonly timing: Pick<WorkerConfig["timing"], "drainMs"> };
}

/**
 * Call it after the store points the app at the rollout, before the former rollouts are stopped. Resolves at once without
 * routers, and at the latest some seconds after `drainMs`: a router that did not confirm retries requests that fail on the
 * former rollout on the new one.
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

/** Never rejects, and ends soon after the signal, or when Redis answers again. */
async function untilCutOver(
  { redis, keys, logger }: CutoverContext,
  message: RouteMessage & { readonly switch: { readonly rolloutId: string } },
  signal: AbortSignal,
): Promise<void> {
  const cutOver = keys.routersCutOver(message.switch.rolloutId);
  for (let poll = 0; !signal.aborted; poll += 1) {
    try {
      if (poll % publishEveryPolls === 0) await redis.publish(keys.routesChannel, JSON.stringify(message));
      if ((await redis.eval(pendingScript, 2, keys.routersSeen, cutOver, routerTiming.aliveMs)) === 0) return;
    } catch (error) {
      logger.warn({ err: error }, "cannot reach the routers through Redis");
    }
    await pause(pollMs);
  }
}
