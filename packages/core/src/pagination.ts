// Pages of a list, as in Scalingo's API: numbered from 1, with the numbers of the previous and the next page.

import { invalidField } from "./errors.ts";

export interface PageRequest {
  readonly page: number;
  readonly perPage: number;
}

export interface Pagination {
  readonly currentPage: number;
  readonly prevPage: number | null;
  readonly nextPage: number | null;
  readonly totalPages: number;
  readonly totalCount: number;
}

export const pageLimits = { defaultPerPage: 20, maxPerPage: 100 } as const;

/** A search over all deployments finds at most this many, the newest ones, so that its time does not grow with their number. */
export const searchedDeployments = 10_000;

/**
 * @param page as in the query string; undefined for the first.
 * @param perPage as in the query string; undefined for the default.
 * @throws {SlipwayError} "invalid" unless both are whole numbers in their ranges.
 */
export function pageRequest(page: string | undefined, perPage: string | undefined): PageRequest {
  return {
    page: wholeNumber("page", page, 1, Number.MAX_SAFE_INTEGER),
    perPage: wholeNumber("per_page", perPage, pageLimits.defaultPerPage, pageLimits.maxPerPage),
  };
}

/** A list without entries has one empty page. */
export function paginate(request: PageRequest, totalCount: number): Pagination {
  const totalPages = Math.max(1, Math.ceil(totalCount / request.perPage));
  return {
    currentPage: request.page,
    prevPage: request.page > 1 ? Math.min(request.page - 1, totalPages) : null,
    nextPage: request.page < totalPages ? request.page + 1 : null,
    totalPages,
    totalCount,
  };
}

function wholeNumber(field: string, text: string | undefined, fallback: number, max: number): number {
  if (text === undefined) return fallback;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > max) throw invalidField(field, `must be a whole number from 1 to ${max}`);
  return number;
}
