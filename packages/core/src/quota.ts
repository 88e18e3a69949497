// Quotas: limits of what one user may own. The quotas of the owner of an app or a source apply.

import { SlipwayError } from "./errors.ts";

/** A user's current usage. */
export interface Usage {
  /** Apps that are not deleted. */
  readonly apps: number;
  /** Containers that the apps run or are to run: for each app, the maximum over its current number and its unfinished operations. */
  readonly containers: number;
  /** Stored sources, with or without an archive. */
  readonly sources: number;
  /** Bytes of their archives. */
  readonly sourceBytes: number;
}

/** A user's maximum of each; null for no limit. */
export type Quotas = { readonly [Kind in keyof Usage]: number | null };

/** The quotas of a resource's owner. */
export interface OwnerQuotas {
  readonly ownerId: string;
  readonly quotas: Quotas;
}

export const noQuotas: Quotas = { apps: null, containers: null, sources: null, sourceBytes: null };

const advice: { readonly [Kind in keyof Usage]: (limit: number) => string } = {
  apps: (limit) => `a user may own ${limit} apps; delete one`,
  containers: (limit) =>
    `the apps of a user may have ${limit} containers in all, and a new app counts as one; scale an app down`,
  sources: (limit) => `a user may have ${limit} sources; wait until some expire`,
  sourceBytes: (limit) =>
    `the archives of a user's sources may have ${limit} bytes in all; wait until some sources expire`,
};

/**
 * Checks a user's usage after a change. Call it only for changes that increase usage: lowering a quota removes nothing.
 * @throws {SlipwayError} "quota-exceeded" with what to do.
 */
export function checkQuota(quotas: Quotas, kind: keyof Usage, wanted: number): void {
  const limit = quotas[kind];
  if (limit !== null && wanted > limit) throw new SlipwayError("quota-exceeded", advice[kind](limit));
}
