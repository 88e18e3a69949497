// What the store promises about lists of deployments: lanes, pages, running, waiting and recent ones.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { changeStatus, finalStatuses, runningStatuses, sealLog, searchedDeployments } from "@slipway/core";
import type { Deployment, DeploymentFilter, LaneEntry, LaneHeads, NewDeployment } from "@slipway/core";
import { aNewDeployment, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";
import { bringTo } from "./deployment-moves.ts";

const change = { at: testTime, lineCount: null };
const numbers = (deployments: readonly Deployment[]) => deployments.map((deployment) => deployment.number);

export function deploymentListsContract(underTest: StoreUnderTest): void {
  lanes(underTest);
  pages(underTest);
  oldDeployments(underTest);
  deploymentSearches(underTest);
  runningDeployments(underTest);
  waitingApps(underTest);
  unsealedDeployments(underTest);
  recentDeployments(underTest);
  latestDeployments(underTest);
  usedSources(underTest);
  removedDeployments(underTest);
}

function lanes(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { createMany } = actionsOn(underTest);

  describe("the lane of an app", () => {
    test("a lane lists queued deployments by number, up to the limit", async () => {
      const appId = randomUUID();
      const made = await createMany(5, { appId });
      const [first, second, third, ...rest] = made;
      if (!first || !second || !third) throw new Error("five deployments were created");
      await bringTo(store(), first, "success");
      await bringTo(store(), second, "building");
      await bringTo(store(), third, "aborted");
      expect(await store().deployments.lane(appId, 10)).toEqual(rest);
      expect(numbers(await store().deployments.lane(appId, 1))).toEqual([4]);
      expect(await store().deployments.lane(randomUUID(), 10)).toEqual([]);
    });
  });
}

function pages(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create, createMany } = actionsOn(underTest);

  describe("pages of an app's deployments", () => {
    test("pages list an app's deployments newest first, with the total count", async () => {
      const appId = randomUUID();
      const made = await createMany(7, { appId });
      const page = (number: number) => store().deployments.list(appId, { page: number, perPage: 3 });
      expect(await page(1)).toEqual({ deployments: made.slice(4).reverse(), totalCount: 7 });
      expect(numbers((await page(2)).deployments)).toEqual([4, 3, 2]);
      expect(numbers((await page(3)).deployments)).toEqual([1]);
      expect(await page(4)).toEqual({ deployments: [], totalCount: 7 });
    });

    test("the deployments before a number are listed newest first, up to the limit", async () => {
      const appId = randomUUID();
      await createMany(4, { appId });
      await create();
      expect(numbers(await store().deployments.before(appId, 4, 2))).toEqual([3, 2]);
      expect(numbers(await store().deployments.before(appId, 2, 9))).toEqual([1]);
      expect(await store().deployments.before(appId, 1, 9)).toEqual([]);
    });

    test("a page far past the end of no deployments is empty", async () => {
      const appId = randomUUID();
      const page = { page: 999_999_999_999_999, perPage: 100 };
      expect(await store().deployments.list(appId, page)).toEqual({ deployments: [], totalCount: 0 });
    });
  });
}

function deploymentSearches(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create, createMany } = actionsOn(underTest);
  const anything = { statuses: null, appIds: null, since: null };
  let latest = Date.UTC(2100, 0);
  /** Later than the deployments of all other tests. */
  const later = () => new Date((latest += 1_000));

  describe("deployments of all apps", () => {
    test("a search finds deployments by status, app and time, newest first and in pages", async () => {
      const [one, two] = [randomUUID(), randomUUID()];
      await create({ createdAt: later() });
      const times = [later(), later(), later()] as const;
      const made = [
        await create({ appId: one, createdAt: times[0] }),
        await create({ appId: two, createdAt: times[1] }),
        await create({ appId: one, createdAt: times[2] }),
      ];
      const [first, second, third] = made.map(({ id }) => id);
      const failed = await bringTo(store(), made[0] ?? (await create()), "build-error");
      const search = async (filter: Partial<DeploymentFilter>, page = { page: 1, perPage: 10 }) => {
        const found = await store().deployments.search({ ...anything, since: times[0], ...filter }, page);
        return [found.deployments.map(({ id }) => id), found.totalCount];
      };
      expect(await search({})).toEqual([[third, second, first], 3]);
      expect(await search({}, { page: 2, perPage: 2 })).toEqual([[first], 3]);
      expect(await search({}, { page: 9, perPage: 2 })).toEqual([[], 3]);
      expect(await search({ statuses: ["build-error", "success"] })).toEqual([[failed.id], 1]);
      expect(await search({ statuses: ["queued"] })).toEqual([[third, second], 2]);
      expect(await search({ appIds: [one] })).toEqual([[third, first], 2]);
      expect(await search({ statuses: ["success", "queued", "build-error", "building"] })).toEqual([
        [third, second, first],
        3,
      ]);
      expect(await search({ statuses: [] })).toEqual([[], 0]);
      expect(await search({ appIds: [two, one, two], statuses: ["queued"] })).toEqual([[third, second], 2]);
      expect(await search({ appIds: [] })).toEqual([[], 0]);
      expect(await search({ since: times[1] })).toEqual([[third, second], 2]);
    });

    test("a search finds deployments while they run", async () => {
      const since = later();
      const { id } = await bringTo(store(), await create({ createdAt: since }), "pushing");
      const found = await store().deployments.search(
        { ...anything, since, statuses: ["pushing"] },
        { page: 1, perPage: 2 },
      );
      expect([found.deployments.map((one) => one.id), found.totalCount]).toEqual([[id], 1]);
    });

    test("a page past the last deployment that a search may find is empty", async () => {
      await create();
      const { deployments } = await store().deployments.search(anything, {
        page: searchedDeployments + 1,
        perPage: 1,
      });
      expect(deployments).toEqual([]);
    });

    test("queued deployments of all apps are listed oldest first, with their number", async () => {
      const before = (await store().deployments.queued(1)).totalCount;
      const old = (ms: number) => ({ createdAt: new Date(ms) });
      const [late, early] = [await create(old(2)), await create(old(1))];
      const [done] = await createMany(1, old(0));
      if (done !== undefined) await bringTo(store(), done, "aborted");
      const { deployments, totalCount } = await store().deployments.queued(2);
      expect(deployments).toEqual([early, late]);
      expect(totalCount).toBe(before + 2);
      for (const one of [late, early]) await bringTo(store(), one, "aborted");
    });
  });
}

function runningDeployments(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create, createMany } = actionsOn(underTest);

  describe("running deployments", () => {
    test.each(runningStatuses)("a running deployment is found while it is %s", async (status) => {
      const deployment = await create();
      const { appId, ownerId } = deployment;
      expect(await store().deployments.running(appId)).toBeNull();
      const running = await bringTo(store(), deployment, status);
      expect(await store().deployments.running(appId)).toEqual(running);
      expect(await store().deployments.allRunning()).toContainEqual(running);
      expect(await store().deployments.runningOfOwner(ownerId)).toEqual([deployment.id]);
    });

    test.each(["queued", ...finalStatuses] as const)(
      "a deployment that is %s is not among the running ones",
      async (status) => {
        const deployment = await create();
        await bringTo(store(), deployment, status);
        expect(await store().deployments.running(deployment.appId)).toBeNull();
        const ids = (await store().deployments.allRunning()).map(({ id }) => id);
        expect(ids).not.toContain(deployment.id);
        expect(await store().deployments.runningOfOwner(deployment.ownerId)).toEqual([]);
      },
    );

    test("an owner's running deployments are listed over all apps", async () => {
      const ownerId = randomUUID();
      await createMany(2, { ownerId });
      const running = await createMany(3, { ownerId });
      for (const deployment of running) await bringTo(store(), deployment, "building");
      const ids = new Set(running.map(({ id }) => id));
      expect(new Set(await store().deployments.runningOfOwner(ownerId))).toEqual(ids);
      expect(await store().deployments.runningOfOwner(randomUUID())).toEqual([]);
    });
  });
}

function waitingApps(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create, createMany } = actionsOn(underTest);

  /** Read in small parts, so that lanes with several deployments span them. */
  async function allHeads(): Promise<LaneEntry[]> {
    const all: LaneEntry[] = [];
    for (let after: string | null = ""; after !== null;) {
      const part: LaneHeads = await store().deployments.laneHeads(after, 2);
      all.push(...part.heads);
      after = part.next;
    }
    return all;
  }

  describe("waiting apps", () => {
    test("an app waits if it has a queued and no running deployment, and is listed once", async () => {
      const [waiting, busy, done] = [randomUUID(), randomUUID(), randomUUID()];
      const ours = new Set<string>([waiting, busy, done]);
      const finished = (await createMany(3, { appId: waiting }))[0];
      const running = (await createMany(2, { appId: busy }))[0];
      const only = await create({ appId: done });
      if (!finished || !running) throw new Error("the deployments were created");
      await bringTo(store(), finished, "build-error");
      const building = await bringTo(store(), running, "building");
      await bringTo(store(), only, "success");
      const found = async () => (await allHeads()).map(({ appId }) => appId).filter((id) => ours.has(id));
      expect(await found()).toEqual([waiting]);
      await store().deployments.compareAndSet(changeStatus(building, "aborted", change));
      expect((await found()).sort()).toEqual([busy, waiting].sort());
    });

    test("the head of a lane is its first queued deployment", async () => {
      const appId = randomUUID();
      const [ended, head] = await createMany(3, { appId });
      if (!ended || !head) throw new Error("the deployments were created");
      await bringTo(store(), ended, "success");
      const { id, ownerId, attempt, revision, createdAt } = head;
      const entry = { id, appId, ownerId, attempt, revision, createdAt };
      expect((await allHeads()).filter((one) => one.appId === appId)).toEqual([entry]);
    });

    test("a deployment of an earlier release needs no slot of its owner, also when it runs", async () => {
      const [appId, ownerId] = [randomUUID(), randomUUID()];
      const source = { kind: "release", releaseId: randomUUID() } as const;
      const head = await create({ appId, ownerId, source });
      const entry = { id: head.id, appId, ownerId: null };
      expect(await allHeads()).toContainEqual(expect.objectContaining(entry));
      await bringTo(store(), head, "building");
      expect(await store().deployments.runningEntries()).toContainEqual(expect.objectContaining(entry));
      expect(await store().deployments.runningOfOwner(ownerId)).toEqual([]);
    });

    test("a running deployment is an entry", async () => {
      const { id, appId, ownerId, createdAt } = await create();
      const running = await bringTo(store(), (await store().deployments.get(id)) as Deployment, "pushing");
      const { attempt, revision } = running;
      const entry = { id, appId, ownerId, attempt, revision, createdAt };
      expect(await store().deployments.runningEntries()).toContainEqual(entry);
    });
  });
}

function oldDeployments(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create, createMany } = actionsOn(underTest);

  describe("old deployments", () => {
    test("the oldest deployments are those before the newest, in lane order", async () => {
      const { appId } = await create();
      await createMany(5, { appId });
      const oldest = async (kept: number, limit: number) =>
        numbers(await store().deployments.oldest(appId, { kept, limit }));
      expect(await oldest(2, 3)).toEqual([1, 2, 3]);
      expect(await oldest(4, 3)).toEqual([1, 2]);
      expect(await oldest(6, 3)).toEqual([]);
      expect(await store().deployments.oldest(randomUUID(), { kept: 1, limit: 3 })).toEqual([]);
    });

    test("pages and counts are exact after old deployments were removed, and some of them left over", async () => {
      const appId = randomUUID();
      const made = await createMany(9, { appId });
      const ids = (...removed: number[]) => removed.map((number) => made[number - 1]?.id ?? "");
      await store().deployments.removeOld(appId, ids(1, 3), 4);
      await store().deployments.removeOld(appId, ids(1, 3), 4);
      const page = async (number: number) => {
        const found = await other().deployments.list(appId, { page: number, perPage: 3 });
        return [numbers(found.deployments), found.totalCount];
      };
      expect(await page(1)).toEqual([[9, 8, 7], 7]);
      expect(await page(2)).toEqual([[6, 5, 4], 7]);
      expect(await page(3)).toEqual([[2], 7]);
      expect(await page(4)).toEqual([[], 7]);
      expect(numbers(await store().deployments.oldest(appId, { kept: 1, limit: 2 }))).toEqual([4, 5]);
      await store().deployments.removeOld(appId, ids(2, 4, 6), 7);
      expect(await page(1)).toEqual([[9, 8, 7], 4]);
      expect(await page(2)).toEqual([[5], 4]);
      expect((await create({ appId })).number).toBe(10);
    });

    test("removing an app's deployments forgets what was removed of them before", async () => {
      const appId = randomUUID();
      const [first] = await createMany(3, { appId });
      await store().deployments.removeOld(appId, [first?.id ?? ""], 2);
      await store().deployments.removeOfApp(appId);
      await create({ appId });
      expect((await store().deployments.list(appId, { page: 1, perPage: 5 })).totalCount).toBe(1);
    });

    test("only deployments of the named app are removed", async () => {
      const kept = await create();
      await store().deployments.removeOld(randomUUID(), [kept.id], 2);
      expect(await store().deployments.get(kept.id)).toEqual(kept);
    });
  });
}

function unsealedDeployments(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create } = actionsOn(underTest);

  describe("deployments whose logs are not closed", () => {
    test("a deployment is unsealed from its end until its log is closed", async () => {
      // Earlier than the ends in all other tests.
      const until = new Date("2001-01-01T00:00:00.000Z");
      const before = (ms: number) => new Date(until.getTime() - ms);
      const unsealed = async (limit = 10) =>
        (await store().deployments.unsealed(until, limit)).map(({ id }) => id);
      const queued = await create();
      const late = await bringTo(store(), queued, "aborted", before(0));
      const early = await bringTo(store(), await create(), "aborted", before(1));
      await bringTo(store(), await create(), "aborted", before(-1));
      await bringTo(store(), await create(), "pushing", before(1));
      expect(await unsealed()).toEqual([early.id, late.id]);
      expect(await store().deployments.unsealed(until, 1)).toEqual([early]);
      expect(await unsealed(1)).toEqual([early.id]);
      const sealed = sealLog(early, { lineCount: 0, sha256: "0".repeat(64) });
      expect(await store().deployments.compareAndSet(sealed)).toBe(true);
      expect(await unsealed()).toEqual([late.id]);
      await store().deployments.removeOfApp(late.appId);
      expect(await unsealed()).toEqual([]);
    });
  });
}

function recentDeployments(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create, createMany } = actionsOn(underTest);

  describe("recent deployments", () => {
    test("recent deployments are the unfinished ones and those finished since a time, in lane order", async () => {
      const appId = randomUUID();
      const since = new Date("2026-06-01T12:00:00.000Z");
      const around = (ms: number) => new Date(since.getTime() + ms);
      const made = await createMany(6, { appId });
      const [longDone, justBefore, justThen, after, running] = made;
      if (!longDone || !justBefore || !justThen || !after || !running)
        throw new Error("six deployments were created");
      await bringTo(store(), longDone, "success", around(-86_400_000));
      await bringTo(store(), justBefore, "aborted", around(-1));
      await bringTo(store(), justThen, "crashed-error", around(0));
      await bringTo(store(), after, "success", around(1));
      await bringTo(store(), running, "pushing", around(-86_400_000));
      await create();
      expect(numbers(await store().deployments.recent(appId, since))).toEqual([3, 4, 5, 6]);
    });

    test("apps with recent deployments are those with an unfinished one, or one that finished since a time", async () => {
      const since = new Date("2026-06-01T12:00:00.000Z");
      const finish = async (ms: number) =>
        (await bringTo(store(), await create(), "success", new Date(since.getTime() + ms))).appId;
      const [queued, old, recent] = [(await create()).appId, await finish(-1), await finish(0)];
      const other = (await create()).appId;
      const found = await store().deployments.appsWithRecent([queued, old, recent, randomUUID()], since);
      expect(found.toSorted()).toEqual([queued, recent].toSorted());
      expect(found).not.toContain(other);
      expect(await store().deployments.appsWithRecent([], since)).toEqual([]);
    });
  });
}

function latestDeployments(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create, createMany } = actionsOn(underTest);

  test("the latest deployment of an app is the newest one, in any status", async () => {
    const [ended, waiting, without] = [randomUUID(), randomUUID(), randomUUID()];
    await create({ appId: waiting, gitRef: "v1" });
    const queued = await create({ appId: waiting, gitRef: "v2" });
    const [, made] = await createMany(2, { appId: ended });
    if (!made) throw new Error("two deployments were created");
    const failed = await bringTo(store(), made, "build-error");
    await create();
    const found = await store().deployments.latest([ended, without, waiting]);
    const summaries = [failed, queued].map(({ id, appId, status, gitRef, createdAt, finishedAt }) => {
      return { id, appId, status, gitRef, createdAt, finishedAt };
    });
    expect(new Map(found.map((one) => [one.appId, one]))).toEqual(
      new Map(summaries.map((one) => [one.appId, one])),
    );
    expect(found).toHaveLength(2);
    expect(await store().deployments.latest([])).toEqual([]);
  });

  test("the latest deployments of many apps are read completely", async () => {
    const appIds = Array.from({ length: 40 }, () => randomUUID());
    for (const appId of appIds) await create({ appId });
    const found = await store().deployments.latest(appIds);
    expect(found.map(({ appId }) => appId).toSorted()).toEqual(appIds.toSorted());
  });
}

function usedSources(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create } = actionsOn(underTest);

  describe("an uploaded source", () => {
    test("an uploaded source is in use until its deployments are final", async () => {
      const source = { kind: "upload", sourceId: randomUUID() } as const;
      const uses = () => store().deployments.usesSource(source.sourceId);
      expect(await uses()).toBe(false);
      const [first, second] = [await create({ source }), await create({ source })];
      expect(await uses()).toBe(true);
      await bringTo(store(), first, "success");
      const starting = await bringTo(store(), second, "starting");
      expect(await uses()).toBe(true);
      await store().deployments.compareAndSet(changeStatus(starting, "timeout-error", change));
      expect(await uses()).toBe(false);
    });
  });
}

function removedDeployments(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create, createMany } = actionsOn(underTest);

  describe("removing an app's deployments", () => {
    test("removing an app's deployments removes all of them, and no others", async () => {
      const appId = randomUUID();
      await createMany(3, { appId });
      const kept = await create();
      await store().deployments.removeOfApp(appId);
      await store().deployments.removeOfApp(appId);
      expect(await store().deployments.list(appId, { page: 1, perPage: 10 })).toEqual({
        deployments: [],
        totalCount: 0,
      });
      expect(await store().deployments.get(kept.id)).toEqual(kept);
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: StoreUnderTest) {
  const create = (values: Partial<NewDeployment> = {}) => store().deployments.create(aNewDeployment(values));
  const createMany = async (count: number, values: Partial<NewDeployment>) => {
    const made: Deployment[] = [];
    for (let index = 0; index < count; index += 1) made.push(await create(values));
    return made;
  };
  return { create, createMany };
}
