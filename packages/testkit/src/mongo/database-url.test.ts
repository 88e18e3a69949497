import { expect, test } from "vitest";
import { withDatabase } from "./database-url.ts";

test.each([
  ["mongodb://127.0.0.1:27017", "mongodb://127.0.0.1:27017/db"],
  ["mongodb://a:1,b:2,c:3/slipway?replicaSet=rs0", "mongodb://a:1,b:2,c:3/db?replicaSet=rs0"],
  ["mongodb+srv://u:p%40@cluster.test/", "mongodb+srv://u:p%40@cluster.test/db"],
  ["mongodb://u:p@a:1/own", "mongodb://u:p@a:1/db?authSource=own"],
  ["mongodb://u:p@a:1/own?authSource=admin", "mongodb://u:p@a:1/db?authSource=admin"],
  ["mongodb://u:p@a:1", "mongodb://u:p@a:1/db"],
])("the database of %s is replaced, and nothing else", (url, expected) => {
  expect(withDatabase(url, "db")).toBe(expected);
});
