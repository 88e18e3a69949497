// The page of a search that finds a limited number of entries.

import { searchedDeployments } from "@slipway/core";
import type { PageRequest } from "@slipway/core";

/** @returns the entries to skip and to read; null for a page past the last entry that the search may find. */
export function searchedPage({ page, perPage }: PageRequest): { skip: number; limit: number } | null {
  const skip = (page - 1) * perPage;
  const limit = Math.min(perPage, searchedDeployments - skip);
  return limit > 0 ? { skip, limit } : null;
}
