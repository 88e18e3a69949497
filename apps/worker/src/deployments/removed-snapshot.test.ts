import { notFound, SlipwayError } from "@slipway/core";
import { expect, test } from "vitest";
import { unlessSnapshotRemoved } from "./removed-snapshot.ts";

const rejecting = (error: unknown) => async (): Promise<string> => {
  throw error;
};
const installed = async () => "installed";

test("a build whose snapshot is removed before its start runs without it", async () => {
  expect(await unlessSnapshotRemoved(rejecting(notFound("snapshot")), installed)).toBe("installed");
});

test("any other failure of a build is not retried without the snapshot", async () => {
  for (const error of [new SlipwayError("engine-unavailable", "it is stopped"), notFound("image")])
    await expect(unlessSnapshotRemoved(rejecting(error), installed)).rejects.toBe(error);
});

test("a build whose snapshot exists runs once", async () => {
  const instead = rejecting(new Error("it must not run"));
  expect(await unlessSnapshotRemoved(installed, instead)).toBe("installed");
});
