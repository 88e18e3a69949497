// What the store promises about operations: their lane, compare-and-set, and one running at a time.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { claimOperation, confirmOperation, endOperation, requeueOperation } from "@slipway/core";
import type { LaneHeads, NewOperation, Operation } from "@slipway/core";
import { anOperation, testTime } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

const failure = { code: "app-crashed", message: "exit code 1 – „kaputt“\n🚢" } as const;
const after = (seconds: number) => new Date(testTime.getTime() + seconds * 1_000);

export function operationsContract(underTest: StoreUnderTest): void {
  storedOperations(underTest);
  changedOperations(underTest);
  removedOperations(underTest);
}

function storedOperations(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create } = actionsOn(underTest);

  describe("operations", () => {
    test("an operation is found by id, as it was stored, and conflicts when its id is taken", async () => {
      const [restart, scaling] = [await create(), await create({ webCount: 0 })];
      expect(await other().operations.get(restart.id)).toEqual(restart);
      expect(await other().operations.get(scaling.id)).toEqual(scaling);
      expect(await store().operations.get(randomUUID())).toBeNull();
      await expect(store().operations.create(restart)).rejects.toMatchObject({ code: "conflict" });
    });

    test("pending operations are listed oldest first, simultaneous ones in a stable order", async () => {
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
  });
}

function changedOperations(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create, set } = actionsOn(underTest);
  const headOf = async (appId: string) => {
    for (let start: string | null = ""; start !== null;) {
      const { heads, next }: LaneHeads = await store().operations.laneHeads(start, 2);
      const found = heads.find((head) => head.appId === appId);
      if (found !== undefined) return found;
      start = next;
    }
    return undefined;
  };

  describe("compare-and-set of an operation", () => {
    test("compare-and-set stores each revision of an operation, and a running one is not pending", async () => {
      const operation = await create({ webCount: 2 });
      const { appId } = operation;
      expect(await store().operations.waitingApps()).toContain(appId);
      const { id, attempt, revision, createdAt } = operation;
      expect(await headOf(appId)).toEqual({ id, appId, ownerId: null, attempt, revision, createdAt });
      expect(await store().operations.running(appId)).toBeNull();
      let claimed = await set(claimOperation(operation, 4, after(1)));
      expect(await other().operations.running(appId)).toEqual(claimed);
      expect(await store().operations.allRunning()).toContainEqual(claimed);
      expect(await store().operations.pending(appId, 10)).toEqual([]);
      expect(await store().operations.waitingApps()).not.toContain(appId);
      claimed = await set(requeueOperation(claimed));
      expect(await other().operations.pending(appId, 10)).toEqual([claimed]);
      claimed = await set(confirmOperation(await set(claimOperation(claimed, 5, after(2)))));
      const failed = await set(endOperation(claimed, after(3), failure));
      expect(await other().operations.get(operation.id)).toEqual(failed);
      expect(await store().operations.running(appId)).toBeNull();
      expect(await store().operations.allRunning()).not.toContainEqual(failed);
    });

    test("compare-and-set refuses an operation whose revision is not the next one, and one that does not exist", async () => {
      const operation = await create();
      const claimed = claimOperation(operation, 1, testTime);
      expect(await store().operations.compareAndSet(confirmOperation(claimed))).toBe(false);
      expect(await store().operations.compareAndSet(operation)).toBe(false);
      expect(await store().operations.compareAndSet(claimOperation(anOperation(), 1, testTime))).toBe(false);
      expect(await store().operations.get(operation.id)).toEqual(operation);
    });

    test("one of an app's concurrently claimed operations runs", async () => {
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
      const claimed = (await store().operations.running(appId)) as Operation;
      expect(await store().operations.pending(appId, 10)).toEqual(lane.filter(({ id }) => id !== claimed.id));
      expect(await store().operations.waitingApps()).not.toContain(appId);
      expect(await headOf(appId)).toBeUndefined();
      await set(endOperation(claimed, testTime, null));
      expect(await store().operations.waitingApps()).toContain(appId);
      expect((await headOf(appId))?.id).toBe(lane.find(({ id }) => id !== claimed.id)?.id);
    });
  });
}

function removedOperations(underTest: StoreUnderTest): void {
  const { store, other } = underTest;
  const { create, set } = actionsOn(underTest);

  describe("removing operations", () => {
    test("operations are removed some time after their end", async () => {
      const [old, fresh] = [await create(), await create()];
      await set(endOperation(old, after(-10), null));
      await set(endOperation(fresh, testTime, failure));
      const waiting = await create({ createdAt: after(-20) });
      await store().operations.removeEnded(after(-5));
      expect(await other().operations.get(old.id)).toBeNull();
      expect(await other().operations.get(fresh.id)).not.toBeNull();
      expect(await other().operations.get(waiting.id)).toEqual(waiting);
    });

    test("operations are removed with their app, and no others", async () => {
      const [own, foreign] = [await create(), await create()];
      await store().operations.removeOfApp(own.appId);
      await store().operations.removeOfApp(own.appId);
      expect(await store().operations.get(own.id)).toBeNull();
      expect(await store().operations.get(foreign.id)).toEqual(foreign);
    });
  });
}

/** Calls that the tests of this file share. */
function actionsOn({ store }: StoreUnderTest) {
  const create = async (values: Partial<NewOperation> = {}) => {
    const operation = anOperation(values);
    await store().operations.create(operation);
    return operation;
  };
  const set = async (next: Operation) => {
    expect(await store().operations.compareAndSet(next)).toBe(true);
    return next;
  };
  return { create, set };
}
