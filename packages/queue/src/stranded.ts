// Finds lanes that do not advance by themselves: their head has neither a live job nor a recorded claim to its owner's next slot.

import { loadScript, runScript } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { LaneEntry } from "@slipway/core";
import { inChunks, queueKeys } from "./lane-queues.ts";
import type { OwnerSlotsOptions } from "./owner-slots.ts";

export interface Stranded {
  /** Heads whose lanes have to be advanced, after removing their ended jobs, if any. */
  readonly heads: readonly LaneEntry[];
  /** Owners with an app that waits for a slot. */
  readonly owners: readonly string[];
}

const strandedScript = loadScript("findStranded", new URL("lua/find-stranded.lua", import.meta.url), 3);
const ownersScript = loadScript(
  "ownersWithFreeSlot",
  new URL("lua/owners-with-free-slot.lua", import.meta.url),
  4,
);

/** Records the apps that need a slot of their owner as waiting: Redis may have lost the records. */
export async function findStranded({ redis, keys }: Bus, all: readonly LaneEntry[]): Promise<Stranded> {
  const scriptKeys = [...queueKeys(keys), keys.ownerWaiting("")];
  const parts = await inChunks(all, async (heads) => {
    const values = heads.flatMap(({ id, appId, ownerId, createdAt }) => [
      id,
      appId,
      ownerId ?? "",
      createdAt.getTime() / 1_000,
    ]);
    const found = await runScript(redis, strandedScript, scriptKeys, values);
    const [positions, owners] = found as [number[], string[]];
    return { heads: positions.flatMap((position) => heads[position - 1] ?? []), owners };
  });
  return {
    heads: parts.flatMap(({ heads }) => heads),
    owners: parts.flatMap(({ owners }) => owners),
  };
}

/** @returns the owners that may have a free slot. Running deployments without a job are not considered. */
export async function withFreeSlot(
  { redis, keys }: Bus,
  { limit, reserved }: Pick<OwnerSlotsOptions, "limit" | "reserved">,
  owners: readonly string[],
): Promise<string[]> {
  const scriptKeys = [...queueKeys(keys), keys.ownerSlots(""), keys.fleetCapacity];
  const parts = await inChunks(owners, (chunk) =>
    runScript(redis, ownersScript, scriptKeys, [limit, reserved, ...chunk]),
  );
  return parts.flat() as string[];
}
