import { expect, test } from "vitest";
import { paginate } from "@slipway/core";
import { presentPagination } from "./pagination.ts";

test("pagination names the previous and next page", () => {
  expect(presentPagination(paginate({ page: 2, perPage: 10 }, 21))).toEqual({
    current_page: 2,
    prev_page: 1,
    next_page: 3,
    total_pages: 3,
    total_count: 21,
  });
});
