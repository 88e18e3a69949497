// Advances lanes: enqueues an app's next item if the app is idle and, for a build, its owner has a free slot.

import { coalesced } from "@slipway/async";
import { highestPriority, priorityOf } from "./fair-share.ts";
import type { LaneItem, LaneKind } from "./lane-kinds.ts";
import type { OwnerSlots } from "./owner-slots.ts";

export interface AdvanceOptions {
  readonly kinds: readonly LaneKind[];
  readonly slots: OwnerSlots;
  readonly jobs: LaneJobs;
}

export interface LaneJobs {
  /** The name of the item's job. */
  nameOf(item: LaneItem): Promise<string>;
  /** Adds the item's job. @returns whether it exists now; false while the app has another job. */
  add(item: LaneItem, job: JobFacts): Promise<boolean>;
  /** Like `add`, for an item whose app the caller has claimed. When it fails, the app is no longer claimed. */
  addClaimed(item: LaneItem, job: JobFacts): Promise<boolean>;
}

export interface JobFacts {
  readonly name: string;
  readonly priority: number;
  readonly delayMs?: number;
}

export interface Advance {
  /** Enqueues the app's next item if the app is idle. A build also needs a free slot of its owner. */
  advance(appId: string): Promise<void>;
  /** Gives the owner's free slots to its waiting apps, in the order in which they began to wait. */
  advanceWaiting(ownerId: string): Promise<void>;
  /** Enqueues a running item whose job is gone. */
  requeue(item: LaneItem, delayMs: number): Promise<void>;
}

/** The outcome of advancing a lane. "none-needed": the lane has no item that may run now, or its item needs no slot. */
type Outcome = "slot" | "full" | "behind" | "none-needed";

/** Gives the owner's free slots to its waiting apps. */
type AssignFreeSlots = (ownerId: string) => Promise<void>;
/** Used within a pass over the owner's waiting apps, which continues with the next app. */
const skip: AssignFreeSlots = async () => {};

/** Creates the function that adds a job for the head of a lane when the app and a slot of the owner are free. */
export function advanceWith({ kinds, slots, jobs }: AdvanceOptions): Advance {
  /** A slot that the app does not need, or that belongs to an app that has waited longer, goes to a waiting app. */
  async function enqueueInSlot(
    item: LaneItem,
    ownerId: string,
    assignFreeSlots: AssignFreeSlots,
  ): Promise<Outcome> {
    const slot = { ...item, ownerId };
    // Read first, so that the app is claimed only while its job is added.
    const name = await jobs.nameOf(item);
    const taken = await slots.take(slot);
    if (taken === "full") return "full";
    if (taken === "added") return "slot";
    if (taken !== "behind" && taken !== "busy") {
      if (await jobs.addClaimed(item, { name, priority: priorityOf(taken) })) {
        await slots.confirm(slot);
        return "slot";
      }
      await slots.free(slot);
    }
    await assignFreeSlots(ownerId);
    return taken === "behind" ? "behind" : "slot";
  }

  async function advanceLane(appId: string, assignFreeSlots: AssignFreeSlots): Promise<Outcome> {
    const head = await headOf(kinds, appId);
    if (head === null) return "none-needed";
    if (head.builds && head.ownerId !== null) return enqueueInSlot(head, head.ownerId, assignFreeSlots);
    await jobs.add(head, { name: await jobs.nameOf(head), priority: highestPriority });
    return "none-needed";
  }

  /** One pass at a time for each owner: concurrent passes would examine the same apps. */
  const advanceWaiting = coalesced(async (ownerId) => {
    for (;;) {
      // Read again each time: an app that got its job in the meantime is no longer listed.
      const appId = await slots.longestWaiting(ownerId);
      if (appId === null) return;
      const outcome = await advanceLane(appId, skip);
      if (outcome === "full") return;
      if (outcome !== "none-needed") continue;
      await slots.stopWaiting(ownerId, appId);
      // A deployment may have joined the lane in the meantime.
      await advanceLane(appId, skip);
    }
  });

  return {
    /** One run at a time for each app: many deployments of an app that are created at once need one job. */
    advance: coalesced(async (appId) => {
      await advanceLane(appId, advanceWaiting);
    }),
    advanceWaiting,
    async requeue(item, delayMs) {
      await jobs.add(item, { name: await jobs.nameOf(item), priority: highestPriority, delayMs });
      if (item.builds && item.ownerId !== null)
        await slots.confirm({ ...item, ownerId: item.ownerId }, { again: true });
    },
  };
}

/** @returns the app's next item; null if there is none, or while one of its items runs. */
async function headOf(kinds: readonly LaneKind[], appId: string): Promise<LaneItem | null> {
  const running = await Promise.all(kinds.map((kind) => kind.running(appId)));
  if (running.some((item) => item !== null)) return null;
  for (const kind of kinds) {
    const head = await kind.head(appId);
    if (head !== null) return head;
  }
  return null;
}
