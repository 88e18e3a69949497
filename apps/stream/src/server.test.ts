import { expect, test } from "vitest";
import { appIn } from "./server.ts";

test.each([
  ["/apps/demo", "demo"],
  ["/apps/demo/", "demo"],
  ["/apps/demo?a=b", "demo"],
  ["/apps/a%20b", "a b"],
  ["/", null],
  ["/apps/", null],
  ["/apps/demo/logs", null],
  ["/apps/%E0", null],
  ["/other", null],
])("the path %s contains the app %s", (url, app) => {
  expect(appIn(url)).toBe(app);
});
