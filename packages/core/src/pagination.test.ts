import { expect, test } from "vitest";
import { pageRequest, paginate } from "./pagination.ts";

test("the default is page 1 with 20 entries per page", () => {
  expect(pageRequest(undefined, undefined)).toEqual({ page: 1, perPage: 20 });
  expect(pageRequest("3", "100")).toEqual({ page: 3, perPage: 100 });
  expect(pageRequest("007", "1")).toEqual({ page: 7, perPage: 1 });
});

test.each(["0", "-1", "1.5", "1e3", "", " 1", "two", "0x1", "٣", "9".repeat(16)])(
  "page %j is invalid",
  (page) => {
    expect(() => pageRequest(page, undefined)).toThrow(
      expect.objectContaining({
        code: "invalid",
        fields: { page: [expect.stringContaining("whole number")] },
      }),
    );
  },
);

test.each(["0", "101", "many", ""])("per_page %j is invalid", (perPage) => {
  expect(() => pageRequest("1", perPage)).toThrow(
    expect.objectContaining({ fields: { per_page: ["must be a whole number from 1 to 100"] } }),
  );
});

test.each([
  // page, perPage, count → previous, next, pages
  [1, 20, 0, null, null, 1],
  [1, 20, 20, null, null, 1],
  [1, 20, 21, null, 2, 2],
  [2, 20, 21, 1, null, 2],
  [2, 10, 35, 1, 3, 4],
  [4, 10, 35, 3, null, 4],
  [9, 10, 35, 4, null, 4],
  [9, 10, 0, 1, null, 1],
])(
  "page %i with %i per page of %i entries has previous page %j, next page %j and %i pages in all",
  (page, perPage, totalCount, prev, next, total) => {
    expect(paginate({ page, perPage }, totalCount)).toEqual({
      currentPage: page,
      prevPage: prev,
      nextPage: next,
      totalPages: total,
      totalCount,
    });
  },
);
