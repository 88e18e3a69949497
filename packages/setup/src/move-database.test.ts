import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { storageUrls } from "@slipway/service";
import { moveDatabase } from "./move-database.ts";

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-move-"));
});
afterEach(() => rm(dataDir, { recursive: true }));

const put = (path: string, text: string) => writeFile(join(dataDir, path), text);
const move = () => moveDatabase(dataDir, () => undefined);

test("the database of an earlier version is used where it is until it is moved, once, with its write-ahead log", async () => {
  await put("slipway.db", "data");
  await put("slipway.db-wal", "log");
  expect(storageUrls({ DATA_DIR: dataDir }).databaseUrl).toBe(`file:${dataDir}/slipway.db`);
  await move();
  await move();
  expect(storageUrls({ DATA_DIR: dataDir }).databaseUrl).toBe(`file:${dataDir}/database/slipway.db`);
  expect(await readdir(join(dataDir, "database"))).toEqual(["slipway.db", "slipway.db-wal"]);
  expect(await readFile(join(dataDir, "database/slipway.db"), "utf8")).toBe("data");
});

test("a move that was interrupted is continued", async () => {
  await put("slipway.db", "data");
  await mkdir(join(dataDir, "database"));
  await put("database/slipway.db-wal", "log");
  await move();
  expect(await readdir(join(dataDir, "database"))).toEqual(["slipway.db", "slipway.db-wal"]);
});

test("neither of two databases is overwritten", async () => {
  await put("slipway.db", "old");
  await mkdir(join(dataDir, "database"));
  await put("database/slipway.db", "new");
  await expect(move()).rejects.toThrow("There are two databases");
  expect(await readFile(join(dataDir, "database/slipway.db"), "utf8")).toBe("new");
});
