// An owner's slots limit how many of its deployments may have a job at the same time. A slot is taken atomically in Redis, so
// concurrent calls do not exceed the limit. One owner cannot take all build slots of the fleet: some are reserved. An app without a
// slot is recorded as waiting, and gets the next free slot before apps that began to wait later.

import { loadScript, runScript } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { DeploymentStore } from "@slipway/core";
import type { ShareFacts } from "./fair-share.ts";
import { claimMs, queueKeys } from "./lane-queues.ts";
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
   * Takes a slot for a deployment, and claims its app, in one step. The caller then adds the job, and calls `confirm` or `free`. A
   * deployment that already has a slot keeps it.
   * @returns the counts that determine the job's priority. If no job is to be added: "added" when the deployment's job exists, "busy" when
   * the app has another job and needs no slot. Otherwise the app is recorded as waiting: "full" when no slot is free, "behind" when the
   * free slots belong to apps that have waited longer.
   */
  take(deployment: SlotTaker): Promise<ShareFacts | "added" | "busy" | "full" | "behind">;
  /**
   * Confirms that the deployment's job exists: the slot is kept until the job has ended or no longer exists. Releases the app's claim.
   * @param options.again whether it builds again, after a lost attempt.
   */
  confirm(deployment: SlotTaker, options?: { readonly again: boolean }): Promise<void>;
  /** Frees a slot for which no job was added, and releases the app's claim. */
  free(deployment: SlotTaker): Promise<void>;
  /**
   * Frees the slot for another build of the owner. The deployment still counts as active.
   * @returns the app that has waited longest for a slot; null when none waits.
   */
  buildEnded(deployment: Pick<SlotTaker, "id" | "ownerId">): Promise<string | null>;
  /**
   * Frees the owner's slots whose jobs have ended or no longer exist. Call it when a job has ended; `take` does when no slot is free.
   * @returns the app that has waited longest for a slot; null when none waits.
   */
  freeEnded(ownerId: string): Promise<string | null>;
  hasFree(ownerId: string): Promise<boolean>;
  /** The app that has waited longest for a slot, although it may no longer need one. Null when none waits. */
  longestWaiting(ownerId: string): Promise<string | null>;
  stopWaiting(ownerId: string, appId: string): Promise<void>;
}

const script = (name: string, file: string, numberOfKeys: number) =>
  loadScript(name, new URL(`lua/${file}`, import.meta.url), numberOfKeys);
const takeScript = script("takeSlot", "take-slot.lua", 8);
const confirmScript = script("confirmSlot", "confirm-slot.lua", 2);
const freeScript = script("freeSlot", "free-slot.lua", 2);
const buildEndedScript = script("buildEnded", "build-ended.lua", 2);
const freeEndedScript = script("freeEndedSlots", "free-ended-slots.lua", 4);
const hasFreeScript = script("hasFreeSlot", "has-free-slot.lua", 2);

type TakeAnswer =
  | "added"
  | "busy"
  | "full"
  | "behind"
  | readonly [others: number, waiting: number, arrivals: number];

/** Opens the owners' slots, which are counted in Redis and repaired from the store. */
export function openOwnerSlots(options: OwnerSlotsOptions): OwnerSlots {
  const { deployments, limit, reserved, waitingJobsKey } = options;
  const { redis, keys } = options.bus;

  const ofOwner = (ownerId: string) => [keys.ownerSlots(ownerId), keys.ownerWaiting(ownerId)];
  const ofTaker = ({ ownerId, appId }: SlotTaker) => [keys.ownerSlots(ownerId), keys.laneClaim(appId)];

  async function tryTake({ id, appId, ownerId }: SlotTaker, atWork: readonly string[]) {
    const counted = [keys.fleetCapacity, waitingJobsKey, keys.queueArrivals];
    const slotKeys = [...ofOwner(ownerId), ...counted, keys.laneClaim(appId), ...queueKeys(keys)];
    const values = [id, appId, limit, reserved, claimMs, ...atWork];
    const taken = (await runScript(redis, takeScript, slotKeys, values)) as TakeAnswer;
    if (typeof taken === "string") return taken;
    const [others, waiting, arrivals] = taken;
    return { others, waiting, arrivals };
  }

  async function hasFree(ownerId: string, atWork: readonly string[]): Promise<boolean> {
    const slotKeys = [keys.ownerSlots(ownerId), keys.fleetCapacity];
    return (await runScript(redis, hasFreeScript, slotKeys, [limit, reserved, ...atWork])) === 1;
  }

  const freeEnded = async (ownerId: string) =>
    (await runScript(redis, freeEndedScript, [...ofOwner(ownerId), ...queueKeys(keys)], [])) as string | null;

  return {
    freeEnded,
    async take(deployment) {
      const { ownerId } = deployment;
      const taken = await tryTake(deployment, await deployments.runningOfOwner(ownerId));
      if (taken !== "full") return taken;
      const atWork = await running(options, ownerId);
      await freeEnded(ownerId);
      return tryTake(deployment, atWork);
    },
    async confirm(deployment, { again } = { again: false }) {
      await runScript(redis, confirmScript, ofTaker(deployment), [deployment.id, again ? 1 : 0]);
    },
    async free(deployment) {
      await runScript(redis, freeScript, ofTaker(deployment), [deployment.id]);
    },
    buildEnded: async ({ id, ownerId }) =>
      (await runScript(redis, buildEndedScript, ofOwner(ownerId), [id])) as string | null,
    async hasFree(ownerId) {
      if (await hasFree(ownerId, await deployments.runningOfOwner(ownerId))) return true;
      const atWork = await running(options, ownerId);
      await freeEnded(ownerId);
      return hasFree(ownerId, atWork);
    },
    longestWaiting: async (ownerId) => (await redis.zrange(keys.ownerWaiting(ownerId), "0", "0"))[0] ?? null,
    async stopWaiting(ownerId, appId) {
      await redis.zrem(keys.ownerWaiting(ownerId), appId);
    },
  };
}

/** Running deployments according to the store. Their jobs may have ended in the meantime. */
async function running({ jobStates, deployments }: OwnerSlotsOptions, ownerId: string): Promise<string[]> {
  const ids = await deployments.runningOfOwner(ownerId);
  const states = await jobStates(ids);
  return ids.filter((_id, index) => states[index] === "live" || states[index] === "gone");
}
