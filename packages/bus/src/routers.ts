// The routers in Redis: which routers are alive, and which have confirmed a cutover.

import { routerTiming } from "@slipway/protocol";
import type { RedisKeys } from "@slipway/protocol";
import type { Bus } from "./bus.ts";
import { joinPresence } from "./presence.ts";
import type { Presence, PresenceOptions } from "./presence.ts";
import { loadScript, runScript } from "./script.ts";

const pendingScript = loadScript("pendingRouters", new URL("lua/pending-routers.lua", import.meta.url), 2);

/** Joins a router: from its first heartbeat on, every cutover waits for its confirmation. By then it must be receiving routes. */
export function joinRouters(
  { redis, keys }: Bus,
  { id, onError }: Pick<PresenceOptions, "id" | "onError">,
): Presence {
  const { heartbeatMs: beatMs, aliveMs: forgetAfterMs } = routerTiming;
  return joinPresence({ redis, keys: presenceKeys(keys), id, beatMs, forgetAfterMs, onError });
}

/** Records that the router sends no more requests to other rollouts of the app, and that none is in flight. Idempotent. */
export async function confirmCutover(
  { redis, keys }: Bus,
  rolloutId: string,
  routerId: string,
): Promise<void> {
  const key = keys.routersCutOver(rolloutId);
  await redis.multi().sadd(key, routerId).pexpire(key, routerTiming.cutoverKeptMs).exec();
}

/** @returns how many routers that are alive have not confirmed the cutover to the rollout. */
export async function countPendingRouters({ redis, keys }: Bus, rolloutId: string): Promise<number> {
  const scriptKeys = [keys.routersSeen, keys.routersCutOver(rolloutId)];
  return Number(await runScript(redis, pendingScript, scriptKeys, [routerTiming.aliveMs]));
}

function presenceKeys({ routersSeen, routers }: RedisKeys) {
  return { seen: routersSeen, records: routers };
}
