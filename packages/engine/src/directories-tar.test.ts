import { readEntries } from "@slipway/tar";
import { expect, test } from "vitest";
import { directoriesTar } from "./directories-tar.ts";

test.each([
  ["build/app", ["build/", "build/app/"]],
  [`${"d".repeat(90)}/${"é".repeat(90)}`, [`${"d".repeat(90)}/`, `${"d".repeat(90)}/${"é".repeat(90)}/`]],
])("the tar of %s contains each directory of the path, with its owner", async (path, paths) => {
  async function* tar(): AsyncGenerator<Uint8Array> {
    yield directoriesTar(path, 2000);
  }
  const entries = await Array.fromAsync(readEntries(tar(), {}), ({ kind, uid, gid, ...entry }) => [
    entry.path,
    kind,
    uid,
    gid,
  ]);
  expect(entries).toEqual(paths.map((each) => [each, "directory", 2000, 2000]));
});
