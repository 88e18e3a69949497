// Derives the existing rollouts from instances or services.

import { createHash } from "node:crypto";
import type { ListedRollout } from "@slipway/core";

/** Each rollout once, with the highest attempt that started a part of it. */
export function listRollouts(parts: readonly ListedRollout[]): ListedRollout[] {
  const found = new Map<string, ListedRollout>();
  for (const { appId, releaseId, rolloutId, attempt } of parts) {
    const highest = Math.max(attempt, found.get(rolloutId)?.attempt ?? 0);
    found.set(rolloutId, { appId, releaseId, rolloutId, attempt: highest });
  }
  return [...found.values()];
}

/** Computes for each app a short text that changes only when the texts of its parts change. @see Scheduler.fingerprints */
export function fingerprintsOf<Part extends Pick<ListedRollout, "appId">>(
  parts: readonly Part[],
  textOf: (part: Part) => string,
): Map<string, string> {
  const ofApps = Map.groupBy(parts, ({ appId }) => appId);
  return new Map(
    [...ofApps].map(([appId, own]) => {
      const text = own.map(textOf).toSorted().join("\n");
      return [appId, createHash("sha256").update(text).digest("base64url")];
    }),
  );
}

/** The parts of a rollout that this or an earlier attempt started. */
export function startedUpTo<Part extends ListedRollout>(
  parts: readonly Part[],
  rolloutId: string,
  attempt: number,
): Part[] {
  return parts.filter((part) => part.rolloutId === rolloutId && part.attempt <= attempt);
}

/**
 * The rollouts that a rollout replaces: all others, and the parts of itself that earlier attempts started.
 * @param current a part of its latest start; undefined when it has no instance.
 */
export function formerRollouts(
  parts: readonly ListedRollout[],
  current: Pick<ListedRollout, "rolloutId" | "attempt"> | undefined,
): ListedRollout[] {
  return listRollouts(
    parts.filter(({ rolloutId, attempt }) => rolloutId !== current?.rolloutId || attempt < current.attempt),
  );
}
