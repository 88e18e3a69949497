// Waits until every router sends an app's requests to its new rollout, and has none left on the former ones.

import { DeadlineError, pause, withDeadline } from "@slipway/async";
import { routerTiming } from "@slipway/protocol";
import type { RouteMessage } from "@slipway/protocol";
import type { Platform } from "../platform.ts";

const pollMs = 25;
/** Messages over pub/sub may get lost. */
const askAgainEveryPolls = 20;
/** For a router to hear of it and to answer, beyond what its requests may take. */
const spareMs = 1_000;

/** KEYS seen, switched; ARGV how long a silent router counts as alive. Answers how many are there that have not switched. */
const pendingScript = `
local time = redis.call('TIME')
local since = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]
local pending = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], since, '+inf')) do
  if redis.call('SISMEMBER', KEYS[2], id) == 0 then pending = pending + 1 end
end
return pending`;

type Place = Pick<Platform, "redis" | "keys" | "logger"> & { readonly config: { readonly DRAIN_MS: number } };

/**
 * Call it when the store points the app at the rollout, before the former ones are stopped. Resolves at once where no router
 * is, and after `DRAIN_MS` and some seconds in any case: what a router that cannot be asked sends to the former rollout
 * is tried again by it at the new one.
 * @throws the signal's reason when aborted.
 */
export async function awaitCutover(
  place: Place,
  { appId, rolloutId }: { readonly appId: string; readonly rolloutId: string },
  signal: AbortSignal,
): Promise<void> {
  const drainMs = place.config.DRAIN_MS;
  const limitMs = drainMs + routerTiming.aliveMs + spareMs;
  const given = { appId, switch: { rolloutId, drainMs } };
  try {
    await withDeadline((bound) => untilSwitched(place, given, bound), { limitMs, signal });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    place.logger.warn({ app: appId, rollout: rolloutId }, "not every router has switched; going on without");
  }
}

/** Never rejects, and ends soon after the signal, or when Redis answers again. */
async function untilSwitched(
  { redis, keys, logger }: Place,
  message: RouteMessage & { readonly switch: { readonly rolloutId: string } },
  signal: AbortSignal,
): Promise<void> {
  const switched = keys.routersCutOver(message.switch.rolloutId);
  for (let poll = 0; !signal.aborted; poll += 1) {
    try {
      if (poll % askAgainEveryPolls === 0) await redis.publish(keys.routesChannel, JSON.stringify(message));
      if ((await redis.eval(pendingScript, 2, keys.routersSeen, switched, routerTiming.aliveMs)) === 0)
        return;
    } catch (error) {
      logger.warn({ err: error }, "cannot ask the routers");
    }
    await pause(pollMs);
  }
}
