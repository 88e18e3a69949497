import { expect, test } from "vitest";
import { mebibytesText } from "./mebibytes.ts";

test("a size is shown in MiB, rounded as its use requires", () => {
  const bytes = 1.55 * 1024 ** 2;
  expect([
    mebibytesText(bytes),
    mebibytesText(bytes, "up"),
    mebibytesText(1.5 * 1024 ** 2, "tenths"),
  ]).toEqual(["1 MiB", "2 MiB", "1.5 MiB"]);
});
