// Slots of an owner: how many of its deployments may have a job or run at a time. A slot is taken in one step in Redis, however many
// processes ask at once, and an app without a slot is recorded, so that it gets the next free one.

import { loadScript, runScript } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import type { DeploymentStore } from "@slipway/core";

export interface OwnerSlotsOptions {
  readonly bus: Bus;
  /** Prefix of the keys under which BullMQ keeps the deployments' jobs. */
  readonly jobsPrefix: string;
  readonly deployments: Pick<DeploymentStore, "runningOfOwner">;
  /** Slots per owner. */
  readonly limit: number;
}

/** A deployment that takes a slot. */
interface SlotTaker {
  readonly id: string;
  readonly appId: string;
  readonly ownerId: string;
}

export interface OwnerSlots {
  /**
   * Takes a slot for a deployment whose job is about to be added. A deployment that has a slot keeps it.
   * @returns how many other deployments of the owner are at work; null when no slot is free: the app is recorded as waiting.
   */
  take(deployment: SlotTaker): Promise<number | null>;
  /** Confirms that the deployment's job exists: it keeps the slot until the job has ended or is gone. */
  confirm(deployment: SlotTaker): Promise<void>;
  /** Frees a slot for which no job was added. */
  free(deployment: SlotTaker): Promise<void>;
  hasFree(ownerId: string): Promise<boolean>;
  /** The apps that wait for a slot, longest first. Some may no longer need one. */
  waitingApps(ownerId: string): Promise<string[]>;
  stopWaiting(ownerId: string, appId: string): Promise<void>;
}

const countScript = loadScript("countSlots", new URL("lua/count-slots.lua", import.meta.url), 1);
const takeScript = loadScript("takeSlot", new URL("lua/take-slot.lua", import.meta.url), 2);
const freeScript = loadScript("freeSlot", new URL("lua/free-slot.lua", import.meta.url), 1);

export function openOwnerSlots(options: OwnerSlotsOptions): OwnerSlots {
  const { jobsPrefix, deployments, limit } = options;
  const { redis, keys } = options.bus;
  return {
    async take({ id, appId, ownerId }) {
      const running = await deployments.runningOfOwner(ownerId);
      return (await runScript(
        redis,
        takeScript,
        [keys.ownerSlots(ownerId), keys.ownerWaiting(ownerId)],
        [jobsPrefix, id, appId, limit, ...running],
      )) as number | null;
    },
    async confirm({ id, ownerId }) {
      await redis.zadd(keys.ownerSlots(ownerId), 0, id);
    },
    async free({ id, ownerId }) {
      await runScript(redis, freeScript, [keys.ownerSlots(ownerId)], [id]);
    },
    async hasFree(ownerId) {
      const running = await deployments.runningOfOwner(ownerId);
      const values = [jobsPrefix, ...running];
      return Number(await runScript(redis, countScript, [keys.ownerSlots(ownerId)], values)) < limit;
    },
    waitingApps: (ownerId) => redis.zrange(keys.ownerWaiting(ownerId), 0, "-1"),
    async stopWaiting(ownerId, appId) {
      await redis.zrem(keys.ownerWaiting(ownerId), appId);
    },
  };
}
