// Derives the existing rollouts from instances or services.

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

/**
 * What a rollout replaces: all others, and of itself what earlier attempts started.
 * @param current what is there of it since its last start; none when it has no instance.
 */
export function formerRollouts(
  parts: readonly ListedRollout[],
  current: Pick<ListedRollout, "rolloutId" | "attempt"> | undefined,
): ListedRollout[] {
  return listRollouts(
    parts.filter(({ rolloutId, attempt }) => rolloutId !== current?.rolloutId || attempt < current.attempt),
  );
}
