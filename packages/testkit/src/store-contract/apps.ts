// What the store promises about apps.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { changeApp } from "@slipway/core";
import type { App, AppSelection } from "@slipway/core";
import { aName, anApp, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

const later = new Date(testTime.getTime() + 60_000);
const everyField = {
  currentReleaseId: "release",
  currentRolloutId: "rollout",
  targets: [
    { host: "127.0.0.1", port: 32_768 },
    { host: "::1", port: 80 },
  ],
  webCount: 2,
  concurrencyPolicy: "supersede",
  builder: "dockerfile",
  builderImage: "registry.example.com/builder@sha256:00",
  stack: "heroku-24",
  lastDeployedAt: later,
  cacheVersion: 2,
} as const;
const names = (apps: readonly App[]) => apps.map((app) => app.name);

export function appsContract(underTest: StoreUnderTest): void {
  storedApps(underTest);
  selectedApps(underTest);
  deletedApps(underTest);
  changedApps(underTest);
}

function storedApps(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

  describe("apps", () => {
    test("an app is found by id and by name, as it was stored", async () => {
      const app = await create({ ...everyField });
      expect(await store().apps.get(app.id)).toEqual(app);
      expect(await store().apps.byName(app.name)).toEqual(app);
    });

    test("an app that does not exist is null", async () => {
      expect(await store().apps.get(randomUUID())).toBeNull();
      expect(await store().apps.byName(aName())).toBeNull();
    });

    test.each(["id", "name"] as const)("an app conflicts when its %s is taken", async (field) => {
      const app = await create();
      const second = { ...anApp(), [field]: app[field] };
      await expect(store().apps.create(second)).rejects.toMatchObject({ code: "conflict" });
      expect(await store().apps.get(app.id)).toEqual(app);
    });

    test("an app conflicts with the id of a deleted app too", async () => {
      const { id } = await create({ deletedAt: testTime });
      await expect(store().apps.create(anApp({ id }))).rejects.toMatchObject({ code: "conflict" });
    });

    test("one of twenty concurrent creates with one name succeeds", async () => {
      const name = aName();
      const creates = Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? store() : other()).apps.create(anApp({ name })),
      );
      const results = await Promise.allSettled(creates);
      expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    });
  });
}

function selectedApps(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create } = actionsOn(underTest);

  describe("selected apps", () => {
    const named = async (ownerId: string, prefix: string, ends: string) => {
      for (const end of ends) await create({ ownerId, name: `${prefix}-${end}` });
    };

    test("an owner's apps and others by id are read in parts by name, without deleted ones and none twice", async () => {
      const [ownerId, prefix] = [randomUUID(), aName()];
      const own = await create({ ownerId, name: `${prefix}-b` });
      await named(ownerId, prefix, "d");
      const shared = await create({ name: `${prefix}-c` });
      const deleted = await create({ name: `${prefix}-e`, deletedAt: later });
      await create({ ownerId, name: `${prefix}-f`, deletedAt: later });
      await create({ name: `${prefix}-a` });
      const otherIds = [shared.id, deleted.id, own.id, randomUUID()];
      const after = async (name: string) => names(await store().apps.after({ ownerId, otherIds }, name, 2));
      expect(await after("")).toEqual([`${prefix}-b`, `${prefix}-c`]);
      expect(await after(`${prefix}-c`)).toEqual([`${prefix}-d`]);
      expect(await after(`${prefix}-d`)).toEqual([]);
    });

    test("all apps are read in parts by name", async () => {
      const prefix = aName();
      await named(randomUUID(), prefix, "cab");
      await create({ name: `${prefix}-d`, deletedAt: later });
      expect(names(await store().apps.after("all", prefix, 2))).toEqual([`${prefix}-a`, `${prefix}-b`]);
    });

    test("apps are searched by a part of their names, in pages", async () => {
      const [ownerId, prefix] = [randomUUID(), aName()];
      await named(ownerId, prefix, "ba");
      const shared = await create({ name: `x-${prefix}-c` });
      await create({ name: `${prefix}-d` });
      await create({ ownerId });
      const some = { ownerId, otherIds: [shared.id] };
      const search = async (selection: AppSelection, text: string, page: number) => {
        const { apps, totalCount } = await store().apps.search(selection, text, { page, perPage: 2 });
        return [names(apps), totalCount];
      };
      expect(await search(some, prefix, 1)).toEqual([[`${prefix}-a`, `${prefix}-b`], 3]);
      expect(await search(some, prefix, 2)).toEqual([[shared.name], 3]);
      expect(await search(some, prefix, 999_999_999_999)).toEqual([[], 3]);
      expect(await search(some, "", 2)).toEqual([expect.any(Array), 4]);
      expect(await search("all", prefix, 2)).toEqual([[`${prefix}-d`, shared.name], 4]);
      for (const text of ["a.", ".*", "%", "_", "\\", "(", "A"])
        expect(await search("all", text, 1)).toEqual([[], 0]);
    });
  });
}

function deletedApps(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { create } = actionsOn(underTest);

  describe("deleted apps", () => {
    test("a deleted app is found by id and among the deleted ones only, and frees its name", async () => {
      const app = await create();
      const deleted = changeApp(app, later, { deletedAt: later });
      expect(await store().apps.compareAndSet(deleted)).toBe(true);
      expect(await store().apps.get(app.id)).toEqual(deleted);
      expect(await store().apps.deleted()).toContainEqual(deleted);
      expect(await store().apps.byName(app.name)).toBeNull();
      for (const selection of ["all", { ownerId: app.ownerId, otherIds: [app.id] }] as const) {
        const page = { page: 1, perPage: 1 };
        expect(await store().apps.search(selection, app.name, page)).toEqual({ apps: [], totalCount: 0 });
      }
      const next = await create({ name: app.name });
      expect(await store().apps.byName(app.name)).toEqual(next);
    });

    test("several deleted apps may have one name", async () => {
      const name = aName();
      for (let round = 0; round < 3; round += 1) {
        const app = await create({ name });
        await store().apps.compareAndSet(changeApp(app, later, { deletedAt: later }));
      }
      const same = (await store().apps.deleted()).filter((app) => app.name === name);
      expect(same).toHaveLength(3);
    });

    test("several apps are read at once, deleted ones included", async () => {
      const [one, other] = [await create(), await create({ deletedAt: testTime })];
      const found = await store().apps.many([one.id, randomUUID(), other.id]);
      expect(found.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual(
        [one, other].toSorted((a, b) => a.id.localeCompare(b.id)),
      );
      expect(await store().apps.many([])).toEqual([]);
    });

    test("the ids of apps that are not deleted are listed in order, in parts", async () => {
      const live = [await create(), await create(), await create()].map(({ id }) => id).toSorted();
      const deleted = await create({ deletedAt: testTime });
      const all: string[] = [];
      for (let part = await store().apps.ids("", 2); part.length > 0;) {
        all.push(...part);
        part = await store().apps.ids(part.at(-1) ?? "", 2);
      }
      expect(all.filter((id) => live.includes(id))).toEqual(live);
      expect(all).not.toContain(deleted.id);
    });

    test("removing an app deletes it for good, and may be repeated", async () => {
      const app = await create({ deletedAt: testTime });
      await store().apps.remove(app.id);
      await store().apps.remove(app.id);
      expect(await store().apps.get(app.id)).toBeNull();
    });
  });
}

function changedApps(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

  describe("compare-and-set of an app", () => {
    test("compare-and-set stores every field of an app", async () => {
      const app = await create();
      const next = changeApp(app, later, everyField);
      expect(await store().apps.compareAndSet(next)).toBe(true);
      expect(await other().apps.get(app.id)).toEqual(next);
      const back = changeApp(next, later, {
        currentReleaseId: null,
        currentRolloutId: null,
        targets: [],
        webCount: 0,
        concurrencyPolicy: "queue",
        builder: "auto",
        builderImage: null,
        stack: null,
      });
      expect(await store().apps.compareAndSet(back)).toBe(true);
      expect(await other().apps.get(app.id)).toEqual(back);
    });

    test("compare-and-set refuses an app whose revision is not the next one, and one that does not exist", async () => {
      const app = await create();
      const next = changeApp(app, later, { cacheVersion: 2 });
      const skipped = changeApp(next, later, { cacheVersion: 3 });
      expect(await store().apps.compareAndSet(skipped)).toBe(false);
      expect(await store().apps.compareAndSet(app)).toBe(false);
      expect(await store().apps.get(app.id)).toEqual(app);
      expect(await store().apps.compareAndSet(changeApp(anApp(), later, {}))).toBe(false);
    });

    test("one of fifty concurrent compare-and-sets of an app succeeds", async () => {
      const app = await create();
      const tries = Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? store() : other()).apps.compareAndSet(
          changeApp(app, later, { cacheVersion: 100 + index }),
        ),
      );
      const winners = (await Promise.all(tries)).flatMap((won, index) => (won ? [100 + index] : []));
      expect(winners).toHaveLength(1);
      expect((await store().apps.get(app.id))?.cacheVersion).toBe(winners[0]);
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: StoreUnderTest) {
  const create = async (values: Partial<App> = {}) => {
    const app = anApp(values);
    await store().apps.create(app);
    return app;
  };
  return { create };
}
