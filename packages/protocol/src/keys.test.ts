import { expect, test } from "vitest";
import { redisKeys } from "./keys.ts";

const keys = redisKeys("a");

test.each([
  {
    of: "the queue",
    names: [
      `${keys.queuePrefix}:deployments:`,
      keys.ownerSlots("o"),
      keys.ownerWaiting("o"),
      keys.queueArrivals,
      keys.fleetCapacity,
      keys.fleetCounted,
      keys.laneClaim("app"),
    ],
  },
  { of: "routers", names: [keys.routersSeen, keys.routers, keys.routersCutOver("r")] },
  { of: "workers", names: [keys.workersSeen, keys.workers, keys.workerDraining("w")] },
  {
    of: "writers to the registry",
    names: [keys.registryWriters, keys.registryWriterRecords, keys.registryHold],
  },
  { of: "an app's images", names: [keys.imagesSeen("app"), keys.imagesUnneeded("app")] },
  { of: "a log", names: [keys.logHead("d"), keys.logTail("d")] },
])("the keys of $of are in one hash slot of a Redis Cluster", ({ names }) => {
  expect(new Set(names.map(hashTag)).size).toBe(1);
});

test("logs of several deployments may be on different masters", () => {
  expect(hashTag(keys.logTail("d"))).not.toBe(hashTag(keys.logTail("e")));
});

/** The part of a key that determines its slot. @throws when it is the whole key. */
function hashTag(key: string): string {
  const tag = /\{([^}]+)\}/.exec(key)?.[1];
  if (tag === undefined) throw new Error(`${key} has no hash tag`);
  return tag;
}
