// Presents the pagination of lists.

import type { Pagination } from "@slipway/core";
import type { PaginationBody } from "@slipway/protocol";

export function presentPagination(pagination: Pagination): PaginationBody {
  return {
    current_page: pagination.currentPage,
    prev_page: pagination.prevPage,
    next_page: pagination.nextPage,
    total_pages: pagination.totalPages,
    total_count: pagination.totalCount,
  };
}
