import { expect, test } from "vitest";
import { inTurn } from "./in-turn.ts";

test("the first failure is thrown after all items", async () => {
  const done: number[] = [];
  const task = async (item: number): Promise<void> => {
    done.push(item);
    if (item > 1) throw new Error(`failed ${item}`);
  };
  await expect(inTurn([1, 2, 3], task)).rejects.toThrow("failed 2");
  expect(done).toEqual([1, 2, 3]);
});

test("a call begins after the one before it has ended", async () => {
  const running = new Set<number>();
  const most: number[] = [];
  await inTurn([1, 2, 3], async (item) => {
    running.add(item);
    await Promise.resolve();
    most.push(running.size);
    running.delete(item);
  });
  expect(most).toEqual([1, 1, 1]);
});
