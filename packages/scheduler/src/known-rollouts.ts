// Tells from what is there, instances or services, which rollouts there are.

import type { KnownRollout } from "@slipway/core";

/** Each rollout once, with the highest attempt that started something of it. */
export function knownRollouts(parts: readonly KnownRollout[]): KnownRollout[] {
  const found = new Map<string, KnownRollout>();
  for (const { appId, releaseId, rolloutId, attempt } of parts) {
    const highest = Math.max(attempt, found.get(rolloutId)?.attempt ?? 0);
    found.set(rolloutId, { appId, releaseId, rolloutId, attempt: highest });
  }
  return [...found.values()];
}
