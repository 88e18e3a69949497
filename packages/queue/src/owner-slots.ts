// An owner's slots limit how many of its deployments may have a job at the same time. A slot is taken atomically in Redis, so
// concurrent calls do not exceed the limit. One owner cannot take all build slots of the fleet: some are reserved. An app without a
// slot is recorded as waiting, and gets the next free slot before apps that began to wait later.

import { loadScript, pairsOf, runScript } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { DeploymentStore } from "@slipway/core";
import type { ShareFacts } from "./fair-share.ts";
import type { LaneJobState } from "./lane-queues.ts";

export interface OwnerSlotsOptions {
  readonly bus: Bus;
  readonly jobStates: (deploymentIds: readonly string[]) => Promise<LaneJobState[]>;
  readonly deployments: Pick<DeploymentStore, "runningOfOwner">;
  /** Slots per owner. */
  readonly limit: number;
  /** Slots of the fleet that one owner cannot take. */
  readonly reserved: number;
  /** BullMQ's key for the jobs that wait for a worker. */
  readonly waitingJobsKey: string;
}

/** A deployment that takes a slot. */
interface SlotTaker {
  readonly id: string;
  readonly appId: string;
  readonly ownerId: string;
}

export interface OwnerSlots {
  /**
   * Takes a slot for a deployment whose job is about to be added. A deployment that already has a slot keeps it.
   * @returns the counts that determine the job's priority. Otherwise the app is recorded as waiting: "full" when no slot is free, "behind"
   * when the free slots belong to apps that have waited longer.
   */
  take(deployment: SlotTaker): Promise<ShareFacts | "full" | "behind">;
  /**
   * Confirms that the deployment's job exists: the slot is kept until the job has ended or no longer exists.
   * @param options.again whether it builds again, after a lost attempt.
   */
  confirm(deployment: SlotTaker, options?: { readonly again: boolean }): Promise<void>;
  /** Frees the slot for another build of the owner. The deployment still counts as active. */
  buildEnded(deployment: Pick<SlotTaker, "id" | "ownerId">): Promise<void>;
  /** Frees a slot for which no job was added. */
  free(deployment: SlotTaker): Promise<void>;
  /** Frees the owner's slots whose jobs have ended or no longer exist. Call it when a job has ended; `take` does when no slot is free. */
  freeEnded(ownerId: string): Promise<void>;
  hasFree(ownerId: string): Promise<boolean>;
  /** The app that has waited longest for a slot, although it may no longer need one. Null when none waits. */
  longestWaiting(ownerId: string): Promise<string | null>;
  stopWaiting(ownerId: string, appId: string): Promise<void>;
}

const script = (name: string, file: string, numberOfKeys: number) =>
  loadScript(name, new URL(`lua/${file}`, import.meta.url), numberOfKeys);
const takeScript = script("takeSlot", "take-slot.lua", 5);
const confirmScript = script("confirmSlot", "confirm-slot.lua", 1);
const freeScript = script("freeUnconfirmedSlot", "free-unconfirmed-slot.lua", 1);
const buildEndedScript = script("buildEnded", "build-ended.lua", 1);
const removeIdleScript = script("removeIdleSlots", "remove-idle-slots.lua", 1);
const hasFreeScript = script("hasFreeSlot", "has-free-slot.lua", 2);

type TakeAnswer = "full" | "behind" | readonly [others: number, waiting: number, arrivals: number];

/** Opens the owners' slots, which are counted in Redis and repaired from the store. */
export function openOwnerSlots(options: OwnerSlotsOptions): OwnerSlots {
  const { jobStates, deployments, limit, reserved, waitingJobsKey } = options;
  const { redis, keys } = options.bus;

  /** Running deployments according to the store. Their jobs may have ended in the meantime. */
  async function running(ownerId: string): Promise<string[]> {
    const ids = await deployments.runningOfOwner(ownerId);
    const states = await jobStates(ids);
    return ids.filter((_id, index) => states[index] === "live" || states[index] === "gone");
  }

  async function tryTake({ id, appId, ownerId }: SlotTaker, atWork: readonly string[]) {
    const ofOwner = [keys.ownerSlots(ownerId), keys.ownerWaiting(ownerId)];
    const slotKeys = [...ofOwner, keys.fleetCapacity, waitingJobsKey, keys.queueArrivals];
    const values = [id, appId, limit, reserved, ...atWork];
    const taken = (await runScript(redis, takeScript, slotKeys, values)) as TakeAnswer;
    if (typeof taken === "string") return taken;
    const [others, waiting, arrivals] = taken;
    return { others, waiting, arrivals };
  }

  async function hasFree(ownerId: string, atWork: readonly string[]): Promise<boolean> {
    const slotKeys = [keys.ownerSlots(ownerId), keys.fleetCapacity];
    return (await runScript(redis, hasFreeScript, slotKeys, [limit, reserved, ...atWork])) === 1;
  }

  return {
    freeEnded: (ownerId) => freeEnded(options, ownerId),
    async take(deployment) {
      const { ownerId } = deployment;
      const taken = await tryTake(deployment, await deployments.runningOfOwner(ownerId));
      if (taken !== "full") return taken;
      const atWork = await running(ownerId);
      await freeEnded(options, ownerId);
      return tryTake(deployment, atWork);
    },
    async confirm({ id, ownerId }, { again } = { again: false }) {
      await runScript(redis, confirmScript, [keys.ownerSlots(ownerId)], [id, again ? 1 : 0]);
    },
    async buildEnded({ id, ownerId }) {
      await runScript(redis, buildEndedScript, [keys.ownerSlots(ownerId)], [id]);
    },
    async free({ id, ownerId }) {
      await runScript(redis, freeScript, [keys.ownerSlots(ownerId)], [id]);
    },
    async hasFree(ownerId) {
      if (await hasFree(ownerId, await deployments.runningOfOwner(ownerId))) return true;
      const atWork = await running(ownerId);
      await freeEnded(options, ownerId);
      return hasFree(ownerId, atWork);
    },
    longestWaiting: async (ownerId) => (await redis.zrange(keys.ownerWaiting(ownerId), "0", "0"))[0] ?? null,
    async stopWaiting(ownerId, appId) {
      await redis.zrem(keys.ownerWaiting(ownerId), appId);
    },
  };
}

async function freeEnded({ bus, jobStates }: OwnerSlotsOptions, ownerId: string): Promise<void> {
  const { redis, keys } = bus;
  const slots = pairsOf(await redis.zrange(keys.ownerSlots(ownerId), "0", "-1", "WITHSCORES"));
  const states = await jobStates(slots.map(([id]) => id));
  const idle = slots.flatMap(([id, score], index) => {
    const state = states[index];
    if (state === "live") return [];
    return [id, score, state === "gone" ? "gone" : "ended"];
  });
  if (idle.length > 0) await runScript(redis, removeIdleScript, [keys.ownerSlots(ownerId)], idle);
}
