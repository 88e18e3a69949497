import { mkdtempDisposable } from "node:fs/promises";
import type { DisposableTempDir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import { openSqliteStore } from "./store.ts";

const first = {
  number: 1,
  name: "first",
  sql: "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);",
};
const second = { number: 2, name: "second", sql: "UPDATE a SET x = x + 1; CREATE INDEX a_x ON a (x);" };
const broken = { number: 2, name: "broken", sql: "UPDATE a SET x = x + 1; CREATE TABLE a (y INTEGER);" };
const now = () => new Date("2026-01-02T03:04:05.678Z");

let directory: DisposableTempDir;
let database: Database;
beforeEach(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
  database = await Database.open({ path: join(directory.path, "slipway.db") });
});
afterEach(async () => {
  await database[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

const rows = (sql: string) => database.read((transaction) => transaction.all(sql));

test("missing migrations are applied once and recorded", async () => {
  await migrate(database, [first], now);
  await migrate(database, [first, second], now);
  await migrate(database, [first, second], now);
  expect(await rows("SELECT x FROM a")).toEqual([{ x: 2 }]);
  expect(await rows("SELECT number, name, length(sha256) AS digits, applied_at FROM migrations")).toEqual([
    { number: 1, name: "first", digits: 64, applied_at: now().getTime() },
    { number: 2, name: "second", digits: 64, applied_at: now().getTime() },
  ]);
});

test("a failing migration leaves the database unchanged", async () => {
  await migrate(database, [first], now);
  await expect(migrate(database, [first, broken], now)).rejects.toThrow("table a already exists");
  expect(await rows("SELECT x FROM a")).toEqual([{ x: 1 }]);
  expect(await rows("SELECT number FROM migrations")).toEqual([{ number: 1 }]);
});

test("a database newer than the code is refused and remains unchanged", async () => {
  await migrate(database, [first, second], now);
  await expect(migrate(database, [first], now)).rejects.toMatchObject({
    code: "configuration-invalid",
    message: expect.stringContaining("run a newer Slipway") as string,
  });
});

test("a database made by another migration of that number is refused", async () => {
  await migrate(database, [first], now);
  const edited = { ...first, sql: `${first.sql} -- edited` };
  await expect(migrate(database, [edited], now)).rejects.toMatchObject({
    code: "configuration-invalid",
    message: expect.stringContaining("another migration 1 (first)") as string,
  });
});

test("another program's database is refused and remains unchanged", async () => {
  await database.write(() => database.script("CREATE TABLE theirs (x INTEGER)"));
  const opened = openSqliteStore({ path: database.path });
  await expect(opened).rejects.toMatchObject({ code: "configuration-invalid" });
  expect(await rows("SELECT name FROM sqlite_schema")).toEqual([{ name: "theirs" }]);
});

test("the migrations of SQLite are numbered from 1 without gaps", () => {
  expect(migrations.map((migration) => migration.number)).toEqual(migrations.map((_, index) => index + 1));
});
