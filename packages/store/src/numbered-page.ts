// The beginning of a page of an app's deployments, found by number, so that no page has to count the rows before it.

import type { PageRequest } from "@slipway/core";

/** The numbers of an app's deployments. They have no gaps, except where old deployments were removed. */
export interface NumberedList {
  /** The highest number; 0 for none. */
  readonly last: number;
  /** No deployment with this number or a higher one was removed. */
  readonly completeFrom: number;
  /** Number of remaining deployments with lower numbers. */
  readonly leftOver: number;
}

export interface NumberedPage {
  readonly totalCount: number;
  /** The page begins with the highest number below this one, after `skip` others; null past the end. */
  readonly start: { readonly below: number; readonly skip: number } | null;
}

export function numberedPage(
  { last, completeFrom, leftOver }: NumberedList,
  { page, perPage }: PageRequest,
): NumberedPage {
  const complete = Math.max(0, last - completeFrom + 1);
  const totalCount = complete + leftOver;
  const before = (page - 1) * perPage;
  // The page number may exceed the database's maximum.
  if (before >= totalCount) return { totalCount, start: null };
  if (before < complete) return { totalCount, start: { below: last - before + 1, skip: 0 } };
  return { totalCount, start: { below: completeFrom, skip: before - complete } };
}
