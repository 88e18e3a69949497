// The options of commands that print a page of a list, and the message about the other pages.

import type { PaginationBody } from "@slipway/protocol";

export interface PageFlags {
  readonly page?: string;
  readonly perPage?: string;
}

export const pageOptions = [
  ["--page <number>", "the page, from 1"],
  ["--per-page <number>", "entries per page, at most 100"],
] as const;

const defaultPerPage = "100";

/** The query for a page, with a leading question mark. @param filter other parameters; those without a value are left out. */
export function pageQuery(
  { page = "1", perPage = defaultPerPage }: PageFlags,
  filter: Readonly<Record<string, string | undefined>> = {},
): string {
  const query = new URLSearchParams({ page, per_page: perPage });
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, value);
  return `?${query.toString()}`;
}

/** Says how many entries there are when a page has only some of them, and how to see others. Undefined for a complete list. */
export function pageNote(
  { current_page: page, total_pages: pages, total_count: count }: PaginationBody,
  what: string,
  others: string,
): string | undefined {
  if (pages === 1) return undefined;
  return `page ${page} of ${pages}, ${count} ${what} in all: ${others}`;
}
