// What the store promises about quotas: concurrent writes do not exceed them, and what a user owns is counted.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { changeApp, claimOperation, endOperation, noQuotas } from "@slipway/core";
import type { App, Quotas, Usage } from "@slipway/core";
import { anApp, anOperation, aSource, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

const exceeded = { code: "quota-exceeded" };
const limited = (limits: Partial<Quotas>): Quotas => ({ ...noQuotas, ...limits });

export function quotasContract(underTest: StoreUnderTest): void {
  concurrentWrites(underTest);
  countedUsage(underTest);
}

function concurrentWrites(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { either, outcomes, usage, appsOf } = actionsOn(underTest);

  describe("quotas under concurrent writes", () => {
    test("of twenty concurrent creates of an owner's apps as many succeed as the quota allows", async () => {
      const ownerId = randomUUID();
      const made = await outcomes(20, (index) =>
        either(index).apps.create(anApp({ ownerId }), limited({ apps: 7 })),
      );
      expect(made).toEqual({ succeeded: 7, refused: 13 });
      expect(await usage(ownerId)).toMatchObject({ apps: 7, containers: 7 });
    });

    test("of twenty concurrent creates of an owner's sources as many succeed as the quota allows", async () => {
      const ownerId = randomUUID();
      const made = await outcomes(20, (index) =>
        either(index).sources.create(aSource({ ownerId }), limited({ sources: 7 })),
      );
      expect(made).toEqual({ succeeded: 7, refused: 13 });
      expect(await usage(ownerId)).toMatchObject({ sources: 7 });
    });

    test("of ten concurrent uploads as many are completed as the quota of bytes allows", async () => {
      const ownerId = randomUUID();
      const sources = Array.from({ length: 10 }, () => aSource({ ownerId }));
      for (const source of sources) await store().sources.create(source);
      const made = await outcomes(10, async (index) => {
        const quotas = limited({ sourceBytes: 499 });
        expect(await either(index).sources.complete(sources[index]?.id ?? "", 100, quotas)).toBe(true);
      });
      expect(made).toEqual({ succeeded: 4, refused: 6 });
      expect(await usage(ownerId)).toMatchObject({ sourceBytes: 400 });
    });

    test("of ten concurrent scalings of different apps as many succeed as the quota of containers allows", async () => {
      const ownerId = randomUUID();
      const apps = await appsOf(ownerId, 10);
      const quota = { ownerId, quotas: limited({ containers: 25 }) };
      const made = await outcomes(10, (index) =>
        either(index).operations.create(anOperation({ appId: apps[index]?.id ?? "", webCount: 6 }), quota),
      );
      expect(made).toEqual({ succeeded: 3, refused: 7 });
      expect(await usage(ownerId)).toMatchObject({ containers: 25 });
    });
  });

  describe("quotas", () => {
    test("a quota of one owner does not count what another one owns", async () => {
      const quotas = limited({ apps: 1, sources: 1 });
      for (const ownerId of [randomUUID(), randomUUID()]) {
        await store().apps.create(anApp({ ownerId }), quotas);
        await store().sources.create(aSource({ ownerId }), quotas);
        expect(await usage(ownerId)).toMatchObject({ apps: 1, sources: 1 });
      }
    });

    test("a create that is refused for another reason takes no quota", async () => {
      const ownerId = randomUUID();
      const taken = anApp();
      await store().apps.create(taken);
      const quotas = limited({ apps: 1 });
      const again = store().apps.create(anApp({ ownerId, name: taken.name }), quotas);
      await expect(again).rejects.toMatchObject({ code: "conflict" });
      await store().apps.create(anApp({ ownerId }), quotas);
    });

    test("a source that is stored already may be created again at the quota", async () => {
      const source = aSource({ ownerId: randomUUID() });
      const quotas = limited({ sources: 1, sourceBytes: 0 });
      await store().sources.create(source, quotas);
      await store().sources.create(source, quotas);
      await expect(store().sources.complete(source.id, 1, quotas)).rejects.toMatchObject(exceeded);
      expect(await store().sources.get(source.id)).toEqual(source);
      expect(await store().sources.complete(randomUUID(), 1, quotas)).toBe(false);
    });
  });
}

function countedUsage(underTest: StoreUnderTest): void {
  const { store } = underTest;
  const { usage, appsOf } = actionsOn(underTest);

  describe("usage", () => {
    test("a user without anything owns nothing", async () => {
      const nothing: Usage = { apps: 0, containers: 0, sources: 0, sourceBytes: 0 };
      expect(await usage(randomUUID())).toEqual(nothing);
    });

    test("deleted apps and removed sources do not count", async () => {
      const ownerId = randomUUID();
      const [app] = await appsOf(ownerId, 2);
      const source = aSource({ ownerId });
      await store().sources.create(source);
      await store().sources.complete(source.id, 5_000_000_000);
      expect(await usage(ownerId)).toEqual({
        apps: 2,
        containers: 2,
        sources: 1,
        sourceBytes: 5_000_000_000,
      });
      await store().apps.compareAndSet(changeApp(app as App, testTime, { deletedAt: testTime }));
      await store().sources.remove(source.id);
      expect(await usage(ownerId)).toEqual({ apps: 1, containers: 1, sources: 0, sourceBytes: 0 });
    });

    test("the total has the sources of all users, and the size of the database", async () => {
      const before = await store().usage.total();
      expect(before.database).toBeGreaterThan(0);
      const sources = [1, 2].map(() => aSource({ ownerId: randomUUID() }));
      for (const source of sources) {
        await store().sources.create(source);
        await store().sources.complete(source.id, 5_000_000_000);
      }
      expect((await store().usage.total()).sources - before.sources).toBe(10_000_000_000);
      for (const { id } of sources) await store().sources.remove(id);
      expect((await store().usage.total()).sources).toBe(before.sources);
    });

    test("an app counts with the largest number of containers of it and its unfinished operations", async () => {
      const ownerId = randomUUID();
      const [app] = (await appsOf(ownerId, 1)) as [App];
      const quota = { ownerId, quotas: limited({ containers: 5 }) };
      const scale = async (webCount: number) => {
        const operation = anOperation({ appId: app.id, webCount });
        await store().operations.create(operation, quota);
        return operation;
      };
      const up = await scale(5);
      await expect(scale(6)).rejects.toMatchObject(exceeded);
      const down = await scale(2);
      expect(await usage(ownerId)).toMatchObject({ containers: 5 });
      const running = claimOperation(up, 1, testTime);
      await store().operations.compareAndSet(running);
      expect(await usage(ownerId)).toMatchObject({ containers: 5 });
      await store().operations.compareAndSet(endOperation(running, testTime, null));
      expect(await usage(ownerId)).toMatchObject({ containers: 2 });
      await store().operations.compareAndSet(endOperation(down, testTime, null));
      expect(await usage(ownerId)).toMatchObject({ containers: 1 });
    });

    test("a quota that was lowered refuses what grows only", async () => {
      const ownerId = randomUUID();
      const [app] = (await appsOf(ownerId, 3)) as [App];
      await store().apps.compareAndSet(changeApp(app, testTime, { webCount: 10 }));
      const quota = { ownerId, quotas: limited({ containers: 2 }) };
      const scale = (webCount: number) =>
        store().operations.create(anOperation({ appId: app.id, webCount }), quota);
      await expect(scale(11)).rejects.toMatchObject(exceeded);
      await scale(9);
      await scale(10);
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store, other }: StoreUnderTest) {
  const either = (index: number) => (index % 2 === 0 ? store() : other());
  /** Runs the writes at once. @returns how many succeeded, and how many were refused by the quota. */
  const outcomes = async (count: number, write: (index: number) => Promise<void>) => {
    const results = await Promise.allSettled(Array.from({ length: count }, (_, index) => write(index)));
    const failures = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason as unknown] : [],
    );
    for (const failure of failures) expect(failure).toMatchObject(exceeded);
    return { succeeded: count - failures.length, refused: failures.length };
  };
  const usage = (ownerId: string) => store().usage.of(ownerId);
  const appsOf = async (ownerId: string, count: number) => {
    const apps = Array.from({ length: count }, () => anApp({ ownerId }));
    for (const app of apps) await store().apps.create(app);
    return apps;
  };
  return { either, outcomes, usage, appsOf };
}
