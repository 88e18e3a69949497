// The pagination of lists.

import { z } from "zod";

const once = z.string("must be given once").optional();

/** Integers from 1. `pageRequest` of @slipway/core validates them. */
export const pageQuery = z.object({ page: once, per_page: once });

export const paginationBody = z.object({
  current_page: z.int(),
  prev_page: z.int().nullable(),
  next_page: z.int().nullable(),
  total_pages: z.int(),
  total_count: z.int(),
});

export type PaginationBody = z.infer<typeof paginationBody>;
