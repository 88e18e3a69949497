// Where a page of a list stands among its neighbours.

import { z } from "zod";

export const paginationBody = z.object({
  current_page: z.int(),
  prev_page: z.int().nullable(),
  next_page: z.int().nullable(),
  total_pages: z.int(),
  total_count: z.int(),
});

export type PaginationBody = z.infer<typeof paginationBody>;
