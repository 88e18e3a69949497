import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openBlobs, openStore } from "./index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import type { TemporaryDirectory } from "./temporary-directory.ts";

const odd = "ein Ordner #1 50%/slipway.db";

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory[Symbol.asyncDispose]());

test.each([
  ["a path", (path: string) => path],
  ["a relative path", (path: string) => relative(process.cwd(), path)],
  ["file: and a path", (path: string) => `file:${path}`],
  ["file: and a relative path", (path: string) => `file:${relative(process.cwd(), path)}`],
  ["a file: URL", (path: string) => pathToFileURL(path).href],
])("the database is opened at %s", async (_, urlOf) => {
  const path = join(directory.path, odd);
  await using store = await openStore({ databaseUrl: urlOf(path) });
  await store.ping();
  expect((await stat(path)).isFile()).toBe(true);
});

test("blobs are opened in a directory", async () => {
  const blobs = await openBlobs({ url: `file:${directory.path}/blobs` });
  await expect(blobs.ping()).resolves.toBeUndefined();
});

test.each(["mongodb://user:secret@host/db", "mongodb+srv://user:secret@host/db"])(
  "%s is not supported yet",
  async (url) => {
    const refused = {
      code: "configuration-invalid",
      message: expect.stringMatching(/^MongoDB is not supported yet/),
    };
    await expect(openStore({ databaseUrl: url })).rejects.toMatchObject(refused);
    await expect(openBlobs({ url })).rejects.toMatchObject(refused);
  },
);

test.each(["postgres://user:secret@host/db", "", "file://another-host/path"])(
  "%j is refused without being repeated",
  async (url) => {
    const refused = { code: "configuration-invalid", message: expect.not.stringContaining("secret") };
    await expect(openStore({ databaseUrl: url })).rejects.toMatchObject(refused);
  },
);
