import type { App, Snapshot, SnapshotName } from "@slipway/core";
import { anApp, testTime } from "@slipway/testkit";
import { expect, test } from "vitest";
import { sweepSnapshots } from "./sweep.ts";

const minuteMs = 60_000;

test("a sweep of snapshots removes those of deleted apps, of deleted caches, and of apps that do not exist", async () => {
  const app = anApp({ cacheVersion: 3 });
  const deleted = anApp({ deletedAt: testTime });
  const kept = aSnapshot(app);
  const removed = [aSnapshot({ ...app, cacheVersion: 2 }), aSnapshot(deleted), aSnapshot(anApp())];
  expect(await sweep([...removed, kept], [app, deleted], 100)).toEqual(removed);
});

test("a sweep of snapshots removes the least recently used ones beyond the limit", async () => {
  const app = anApp();
  const at = (minute: number) => aSnapshot(app, { sizeBytes: 40, usedAt: minutesAfter(minute) });
  const [oldest, older, newer, newest] = [at(0), at(1), at(2), at(3)];
  expect(await sweep([newer, oldest, newest, older], [app], 80)).toEqual([older, oldest]);
  expect(await sweep([newer, oldest, newest, older], [app], 160)).toEqual([]);
});

test("a sweep of snapshots within the limit does not ask the engine when they were last used", async () => {
  const app = anApp();
  const asked: SnapshotName[] = [];
  expect(await sweep([aSnapshot(app), aSnapshot(app)], [app], 20, asked)).toEqual([]);
  expect(asked).toEqual([]);
  await sweep([aSnapshot(app), aSnapshot(app)], [app], 19, asked);
  expect(asked).toHaveLength(2);
});

test("snapshots that a sweep removes do not count towards the limit", async () => {
  const app = anApp();
  const stale = aSnapshot({ ...app, cacheVersion: 0 }, { sizeBytes: 1000, usedAt: minutesAfter(9) });
  expect(await sweep([aSnapshot(app), stale], [app], 80)).toEqual([stale]);
});

function minutesAfter(minutes: number): Date {
  return new Date(testTime.getTime() + minutes * minuteMs);
}

interface UsedSnapshot extends Snapshot {
  readonly usedAt: Date;
}

function aSnapshot(app: Pick<App, "id" | "cacheVersion">, changes: Partial<UsedSnapshot> = {}): UsedSnapshot {
  const { id: appId, cacheVersion } = app;
  return { appId, cacheVersion, key: "0a", image: "x", sizeBytes: 10, usedAt: testTime, ...changes };
}

/**
 * @param asked receives the snapshots whose last use the sweep reads.
 * @returns the snapshots that the sweep removes, in this order.
 */
async function sweep(
  listed: readonly UsedSnapshot[],
  apps: readonly App[],
  snapshotsBytes: number,
  asked: SnapshotName[] = [],
) {
  const removed: SnapshotName[] = [];
  await sweepSnapshots({
    engine: {
      listSnapshots: async () => listed,
      snapshotLastUsedAt: async (name) => {
        asked.push(name);
        return listed.find((snapshot) => snapshot === name)?.usedAt ?? null;
      },
      removeSnapshot: async (name) => void removed.push(name),
    },
    store: { apps: { many: async (ids) => apps.filter(({ id }) => ids.includes(id)) } },
    config: { limits: { snapshotsBytes } },
  });
  return removed;
}
