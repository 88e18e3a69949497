import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import type { DisposableTempDir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aNewDeployment, lacksMongo, startMongo } from "@slipway/testkit";
import { openStore } from "./index.ts";
import type { Orders, Report } from "../test-support/store-process.ts";
import { Database } from "./sqlite/database.ts";
import { migrations } from "./sqlite/migrations/index.ts";
import { openSqliteStore } from "./sqlite/store.ts";

const processCount = 4;

let directory: DisposableTempDir;
beforeEach(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
});
afterEach(() => directory[Symbol.asyncDispose]());

test("concurrent processes assign no number twice in SQLite, and one of them wins each change", async () => {
  const url = `file:${join(directory.path, "slipway.db")}`;
  expect(await contest(url, 25)).toEqual(fair(25));
}, 60_000);

describe.skipIf(await lacksMongo())("MongoDB", () => {
  test("concurrent processes assign no number twice, and one of them wins each change", async () => {
    await using mongo = await startMongo();
    expect(await contest(mongo.url, 8)).toEqual(fair(8));
  }, 60_000);
});

test("stores opened at once on a new file migrate it once", async () => {
  const path = join(directory.path, "new/slipway.db");
  const stores = await Promise.all(Array.from({ length: 8 }, () => openSqliteStore({ path })));
  await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
  await using database = await Database.open({ path });
  const applied = await database.read((transaction) => transaction.all("SELECT number FROM migrations"));
  expect(applied).toHaveLength(migrations.length);
});

/** The expected result of a contest. */
function fair(createsEach: number) {
  const numbers = Array.from({ length: processCount * createsEach }, (_, index) => index + 1);
  return { numbers, lane: numbers, outOfOrder: [], winners: 1, storedIsWinner: true };
}

/** Processes that concurrently create in one app, and all claim one deployment. */
async function contest(databaseUrl: string, createsEach: number) {
  await using store = await openStore({ databaseUrl });
  const contested = await store.deployments.create(aNewDeployment());
  const { appId } = aNewDeployment();
  const orders = Array.from({ length: processCount }, (_, index) => ({
    databaseUrl,
    appId,
    contested,
    creates: createsEach,
    attempts: Array.from({ length: createsEach }, (__, round) => 1 + index + round * processCount),
  }));
  const reports = await inProcesses(orders);
  const winners = reports.flatMap((report) => report.wonAttempts);
  const lane = await store.deployments.lane(appId, processCount * createsEach + 1);
  return {
    numbers: reports.flatMap((report) => report.numbers).sort((a, b) => a - b),
    lane: lane.map((deployment) => deployment.number),
    outOfOrder: reports.filter(({ numbers }) =>
      numbers.some((number, at) => number <= (numbers[at - 1] ?? 0)),
    ),
    winners: winners.length,
    storedIsWinner: (await store.deployments.get(contested.id))?.attempt === winners[0],
  };
}

/** Sends each process its orders when all have started, so that they work at the same time. */
async function inProcesses(orders: readonly Orders[]): Promise<Report[]> {
  const children = orders.map(() =>
    fork(join(import.meta.dirname, "..", "test-support", "store-process.ts"), { serialization: "advanced" }),
  );
  try {
    await Promise.all(children.map((child) => answerOf(child)));
    return await Promise.all(
      children.map((child, index) => {
        child.send(orders[index] ?? {});
        return answerOf(child) as Promise<Report>;
      }),
    );
  } finally {
    for (const child of children) child.kill();
  }
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const stop = new AbortController();
  const { signal } = stop;
  const ended = once(child, "exit", { signal }).then(([code]) => {
    throw new Error(`a process ended with exit code ${code}`);
  });
  try {
    const [message] = await Promise.race([once(child, "message", { signal }), ended]);
    return message;
  } finally {
    stop.abort();
  }
}
