// Tells from what is there, instances or services, which rollouts there are.

import type { ListedRollout } from "@slipway/core";

/** Each rollout once, with the highest attempt that started something of it. */
export function listRollouts(parts: readonly ListedRollout[]): ListedRollout[] {
  const found = new Map<string, ListedRollout>();
  for (const { appId, releaseId, rolloutId, attempt } of parts) {
    const highest = Math.max(attempt, found.get(rolloutId)?.attempt ?? 0);
    found.set(rolloutId, { appId, releaseId, rolloutId, attempt: highest });
  }
  return [...found.values()];
}
