import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aNewDeployment } from "@slipway/testkit";
import { temporaryDirectory } from "../temporary-directory.ts";
import type { TemporaryDirectory } from "../temporary-directory.ts";
import { Database } from "./database.ts";
import { migrations } from "./migrations/index.ts";
import type { Orders, Report } from "./process-under-test.ts";
import { openSqliteStore } from "./store.ts";

const processCount = 4;
const createsEach = 25;

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory[Symbol.asyncDispose]());

test("processes that create and compare-and-set at once give no number twice and have one winner", async () => {
  const path = join(directory.path, "slipway.db");
  await using store = await openSqliteStore({ path });
  const contested = await store.deployments.create(aNewDeployment());
  const { appId } = aNewDeployment();
  const orders = Array.from({ length: processCount }, (_, index) => ({
    path,
    appId,
    contested,
    creates: createsEach,
    attempts: Array.from({ length: createsEach }, (__, round) => 1 + index + round * processCount),
  }));
  const reports = await inProcesses(orders);

  const total = processCount * createsEach;
  const numbers = reports.flatMap((report) => report.numbers).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  for (const report of reports) expect(report.numbers).toEqual([...report.numbers].sort((a, b) => a - b));
  const lane = await store.deployments.lane(appId, total + 1);
  expect(lane.map((deployment) => deployment.number)).toEqual(numbers);
  const winners = reports.flatMap((report) => report.wonAttempts);
  expect(winners).toHaveLength(1);
  expect((await store.deployments.get(contested.id))?.attempt).toBe(winners[0]);
}, 60_000);

test("stores opened at once on a new file migrate it once", async () => {
  const path = join(directory.path, "new/slipway.db");
  const stores = await Promise.all(Array.from({ length: 8 }, () => openSqliteStore({ path })));
  await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
  await using database = await Database.open({ path });
  const applied = await database.read((transaction) => transaction.all("SELECT number FROM migrations"));
  expect(applied).toHaveLength(migrations.length);
});

/** Gives each process its orders when all are up, so that they work at the same time. */
async function inProcesses(orders: readonly Orders[]): Promise<Report[]> {
  const children = orders.map(() =>
    fork(join(import.meta.dirname, "process-under-test.ts"), { serialization: "advanced" }),
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
