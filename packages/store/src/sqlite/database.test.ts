import { mkdir, mkdtempDisposable, rename, rm, stat, writeFile } from "node:fs/promises";
import type { DisposableTempDir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Database } from "./database.ts";

const unavailable = { code: "store-unavailable" };

let directory: DisposableTempDir;
let path: string;
beforeEach(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
  path = join(directory.path, "data/slipway.db");
});
afterEach(() => directory[Symbol.asyncDispose]());

async function openWithTable(busyBoundMs?: number) {
  const database = await Database.open({ path, ...(busyBoundMs === undefined ? {} : { busyBoundMs }) });
  await database.write((transaction) =>
    transaction.run("CREATE TABLE IF NOT EXISTS notes (text TEXT) STRICT"),
  );
  return database;
}

const note = (database: Database, text: string) =>
  database.write((transaction) => transaction.run("INSERT INTO notes (text) VALUES (?)", text));
const modeOf = async (file: string) => (await stat(file)).mode & 0o777;
const notes = (database: Database) =>
  database.read((transaction) =>
    transaction.all<{ text: string }>("SELECT text FROM notes").map((row) => row.text),
  );

test("the file, its WAL and its folder are readable by this user only", async () => {
  await using database = await openWithTable();
  await note(database, "a secret");
  expect(await modeOf(path)).toBe(0o600);
  expect(await modeOf(`${path}-wal`)).toBe(0o600);
  expect(await modeOf(join(directory.path, "data"))).toBe(0o700);
});

test("every commit is on disk before its call resolves, in WAL mode", async () => {
  await using database = await openWithTable();
  const settings = await database.read((transaction) => [
    ...transaction.all("PRAGMA journal_mode"),
    ...transaction.all("PRAGMA synchronous"),
    ...transaction.all("PRAGMA foreign_keys"),
  ]);
  expect(settings).toEqual([{ journal_mode: "wal" }, { synchronous: 2 }, { foreign_keys: 1 }]);
});

test("a transaction that throws keeps nothing, and the next one works", async () => {
  await using database = await openWithTable();
  const thrown = new Error("changed my mind");
  const failed = database.write((transaction) => {
    transaction.run("INSERT INTO notes (text) VALUES ('lost')");
    throw thrown;
  });
  await expect(failed).rejects.toBe(thrown);
  await note(database, "kept");
  expect(await notes(database)).toEqual(["kept"]);
});

test("each of several concurrent writes is complete or absent, and visible to the next one", async () => {
  await using database = await openWithTable();
  await using other = await openWithTable();
  await database.write((transaction) => transaction.run("CREATE TABLE numbers (n INTEGER UNIQUE) STRICT"));
  const count = () => other.read((transaction) => transaction.all("SELECT n FROM numbers").length);
  const outcomes = await Promise.allSettled(
    [1, 2, 2, 3].map((n) =>
      database.write((transaction) => {
        transaction.run("INSERT INTO numbers VALUES (?)", n + 100);
        transaction.run("INSERT INTO numbers VALUES (?)", n);
        return transaction.all("SELECT n FROM numbers").length;
      }),
    ),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(outcomes[3]).toMatchObject({ value: 6 });
  expect(await count()).toBe(6);
});

test("a lock that is held longer than the limit is store-unavailable, and does not block readers", async () => {
  await using database = await openWithTable(60);
  await note(database, "before");
  using holder = new DatabaseSync(path);
  holder.exec("BEGIN IMMEDIATE");
  await expect(note(database, "refused")).rejects.toMatchObject({ ...unavailable, cause: { errcode: 5 } });
  expect(await notes(database)).toEqual(["before"]);
  holder.exec("COMMIT");
  await note(database, "after");
  expect(await notes(database)).toEqual(["before", "after"]);
});

test("a write waits for a lock that is released in time, without blocking the process", async () => {
  await using database = await openWithTable();
  using holder = new DatabaseSync(path);
  holder.exec("BEGIN IMMEDIATE");
  const written = Promise.all([note(database, "first"), note(database, "second")]);
  let turns = 0;
  const other = setInterval(() => {
    turns += 1;
    if (turns === 5) holder.exec("COMMIT");
  }, 1);
  await written;
  clearInterval(other);
  expect(turns).toBeGreaterThanOrEqual(5);
  expect(await notes(database)).toEqual(["first", "second"]);
});

test("a full disk is store-unavailable, and existing data is still read", async () => {
  await using database = await openWithTable();
  await note(database, "small");
  await database.read((transaction) => transaction.all("PRAGMA max_page_count = 4"));
  const large = "x".repeat(1_000_000);
  await expect(note(database, large)).rejects.toMatchObject({
    ...unavailable,
    hint: expect.stringContaining("disk is full"),
    cause: { errcode: 13 },
  });
  expect(await notes(database)).toEqual(["small"]);
});

test.each(["removed", "replaced", "removed with its folder"])(
  "a file that was %s is store-unavailable",
  async (how) => {
    await using database = await openWithTable();
    await note(database, "written");
    if (how === "replaced") {
      await writeFile(`${path}.new`, "");
      await rename(`${path}.new`, path);
    } else await rm(how === "removed" ? path : join(directory.path, "data"), { recursive: true });
    await expect(note(database, "to nobody")).rejects.toMatchObject(unavailable);
    await expect(notes(database)).rejects.toMatchObject(unavailable);
  },
);

test("a file that is no database is store-unavailable", async () => {
  await mkdir(join(directory.path, "data"));
  await writeFile(path, "not a database ".repeat(1_000));
  await expect(Database.open({ path })).rejects.toMatchObject({ ...unavailable, cause: { errcode: 26 } });
});

test("a folder that cannot contain a file is store-unavailable", async () => {
  await writeFile(join(directory.path, "file"), "");
  const inFile = Database.open({ path: join(directory.path, "file/slipway.db") });
  await expect(inFile).rejects.toMatchObject(unavailable);
  const folder = Database.open({ path: directory.path });
  await expect(folder).rejects.toMatchObject(unavailable);
});

test("closing one connection leaves another's locks in place", async () => {
  await using first = await openWithTable();
  await using second = await openWithTable(60);
  const third = await openWithTable();
  using holder = new DatabaseSync(path);
  holder.exec("BEGIN IMMEDIATE");
  await third[Symbol.asyncDispose]();
  await expect(note(second, "refused")).rejects.toMatchObject(unavailable);
  holder.exec("COMMIT");
  await note(first, "kept");
  expect(await notes(second)).toEqual(["kept"]);
});
