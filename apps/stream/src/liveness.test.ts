import { expect, test } from "vitest";
import { born, heardFrom, lookedAt } from "./liveness.ts";
import type { Life } from "./liveness.ts";

/** @param looks bytes written and bytes that wait, at each look. */
function silentAfter(
  looks: readonly (readonly [written: number, waits: number])[],
  from: Life = born,
): number {
  return looks.reduce<Life>(
    (life, [bytesWritten, writableLength]) => lookedAt(life, { bytesWritten, writableLength }),
    from,
  ).silentFor;
}

test("who never answers and takes nothing that waits is silent for ever longer", () => {
  expect(
    silentAfter([
      [100, 0],
      [140, 0],
      [180, 0],
    ]),
  ).toBe(3);
  expect(
    silentAfter([
      [900, 500],
      [900, 500],
      [940, 540],
    ]),
  ).toBe(3);
});

test("what goes into buffers that were not full is no sign of life", () => {
  expect(
    silentAfter([
      [100, 0],
      [5_000, 4_000],
      [5_000, 4_000],
    ]),
  ).toBe(3);
});

test("who takes some of what waits lives, though all of it is never taken", () => {
  expect(
    silentAfter([
      [5_000, 4_000],
      [8_000, 6_900],
      [8_000, 6_800],
    ]),
  ).toBe(0);
});

test("who said something lives", () => {
  expect(heardFrom({ silentFor: 2, takenBytes: 7, waiting: true })).toEqual({
    silentFor: 0,
    takenBytes: 7,
    waiting: true,
  });
});
