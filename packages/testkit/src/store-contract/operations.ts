// What the store promises about operations: their lane, compare-and-set, and one running at a time.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { claimOperation, confirmOperation, endOperation, requeueOperation } from "@slipway/core";
import type { NewOperation, Operation } from "@slipway/core";
import { anOperation, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

const failure = { code: "app-crashed", message: "exit code 1 – „kaputt“\n🚢" } as const;
const after = (seconds: number) => new Date(testTime.getTime() + seconds * 1_000);

export function operationsContract({ store, other }: StoreUnderTest): void {
  const create = async (values: Partial<NewOperation> = {}) => {
    const operation = anOperation(values);
    await store().operations.create(operation);
    return operation;
  };
  const set = async (next: Operation) => {
    expect(await store().operations.compareAndSet(next)).toBe(true);
    return next;
  };

  describe("operations", () => {
    test("are found by id as they were stored, once", async () => {
      const [restart, scaling] = [await create(), await create({ webCount: 0 })];
      expect(await other().operations.get(restart.id)).toEqual(restart);
      expect(await other().operations.get(scaling.id)).toEqual(scaling);
      expect(await store().operations.get(randomUUID())).toBeNull();
      await expect(store().operations.create(restart)).rejects.toMatchObject({ code: "conflict" });
    });

    test("wait oldest first, those of one moment in an order that stays", async () => {
      const appId = randomUUID();
      const late = await create({ appId, createdAt: after(2), webCount: 7 });
      const same: Operation[] = [];
      for (const webCount of [3, 1, 2]) same.push(await create({ appId, createdAt: after(1), webCount }));
      same.sort((a, b) => (a.id < b.id ? -1 : 1));
      const early = await create({ appId });
      await create();
      expect(await store().operations.pending(appId, 10)).toEqual([early, ...same, late]);
      expect(await other().operations.pending(appId, 2)).toEqual([early, same[0]]);
    });

    test("are stored with every fact on their way, and wait no more once they run", async () => {
      const operation = await create({ webCount: 2 });
      const { appId } = operation;
      expect(await store().operations.waitingApps()).toContain(appId);
      expect(await store().operations.running(appId)).toBeNull();
      let held = await set(claimOperation(operation, 4, after(1)));
      expect(await other().operations.running(appId)).toEqual(held);
      expect(await store().operations.allRunning()).toContainEqual(held);
      expect(await store().operations.pending(appId, 10)).toEqual([]);
      expect(await store().operations.waitingApps()).not.toContain(appId);
      held = await set(requeueOperation(held));
      expect(await other().operations.pending(appId, 10)).toEqual([held]);
      held = await set(confirmOperation(await set(claimOperation(held, 5, after(2)))));
      const failed = await set(endOperation(held, after(3), failure));
      expect(await other().operations.get(operation.id)).toEqual(failed);
      expect(await store().operations.running(appId)).toBeNull();
      expect(await store().operations.allRunning()).not.toContainEqual(failed);
    });

    test("refuse a revision that is not the next, and one that is not there", async () => {
      const operation = await create();
      const claimed = claimOperation(operation, 1, testTime);
      expect(await store().operations.compareAndSet(confirmOperation(claimed))).toBe(false);
      expect(await store().operations.compareAndSet(operation)).toBe(false);
      expect(await store().operations.compareAndSet(claimOperation(anOperation(), 1, testTime))).toBe(false);
      expect(await store().operations.get(operation.id)).toEqual(operation);
    });

    test("run one at a time in an app, whoever starts them at once", async () => {
      const appId = randomUUID();
      const lane: Operation[] = [];
      for (const second of [1, 2, 3]) lane.push(await create({ appId, createdAt: after(second) }));
      await set(claimOperation(await create(), 1, testTime));
      const claims = lane.map((operation, index) =>
        (index % 2 === 0 ? store() : other()).operations.compareAndSet(
          claimOperation(operation, 1, testTime),
        ),
      );
      expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
      const held = (await store().operations.running(appId)) as Operation;
      expect(await store().operations.pending(appId, 10)).toEqual(lane.filter(({ id }) => id !== held.id));
      expect(await store().operations.waitingApps()).not.toContain(appId);
      await set(endOperation(held, testTime, null));
      expect(await store().operations.waitingApps()).toContain(appId);
    });

    test("are forgotten some time after their end", async () => {
      const [old, fresh] = [await create(), await create()];
      await set(endOperation(old, after(-10), null));
      await set(endOperation(fresh, testTime, failure));
      const waiting = await create({ createdAt: after(-20) });
      await store().operations.removeEnded(after(-5));
      expect(await other().operations.get(old.id)).toBeNull();
      expect(await other().operations.get(fresh.id)).not.toBeNull();
      expect(await other().operations.get(waiting.id)).toEqual(waiting);
    });

    test("go with their app, and nobody else's", async () => {
      const [own, foreign] = [await create(), await create()];
      await store().operations.removeOfApp(own.appId);
      await store().operations.removeOfApp(own.appId);
      expect(await store().operations.get(own.id)).toBeNull();
      expect(await store().operations.get(foreign.id)).toEqual(foreign);
    });
  });
}
