// Where a page of a list stands among its neighbors.

import { z } from "zod";

const once = z.string("must be given once").optional();

/** Whole numbers from 1; what they may be is core's pageRequest. */
export const pageQuery = z.object({ page: once, per_page: once });

export const paginationBody = z.object({
  current_page: z.int(),
  prev_page: z.int().nullable(),
  next_page: z.int().nullable(),
  total_pages: z.int(),
  total_count: z.int(),
});

export type PaginationBody = z.infer<typeof paginationBody>;
