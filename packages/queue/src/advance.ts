// Advances lanes: hands an app's next item to BullMQ if the app is idle and, where the item needs one, its owner has a slot.

import type { LaneItem, LaneKind } from "./lane-kinds.ts";
import type { OwnerSlots } from "./owner-slots.ts";

export interface AdvanceOptions {
  readonly kinds: readonly LaneKind[];
  readonly slots: OwnerSlots;
  /** @returns whether the item's job exists now; false while the app has another job. */
  readonly enqueue: (item: LaneItem, priority: number, delayMs?: number) => Promise<boolean>;
}

export interface Advance {
  /** @returns whether the app's next item got a slot; "none-needed" when it has none that may go now, or needs no slot. */
  advance(appId: string): Promise<"slot" | "no-slot" | "none-needed">;
  /** Hands free slots of an owner to the apps that wait for one, longest first. */
  advanceWaiting(ownerId: string): Promise<void>;
  /** Enqueues a running item whose job is gone. */
  requeue(item: LaneItem, delayMs: number): Promise<void>;
}

/** BullMQ's highest priority among those that have one. */
const highestPriority = 1;

export function advanceWith({ kinds, slots, enqueue }: AdvanceOptions): Advance {
  /** An owner with fewer items at work gets a higher priority. */
  async function enqueueInSlot(item: LaneItem, ownerId: string): Promise<"slot" | "no-slot"> {
    const slot = { ...item, ownerId };
    const others = await slots.take(slot);
    if (others === null) return "no-slot";
    if (await enqueue(item, highestPriority + others)) await slots.confirm(slot);
    else {
      await slots.free(slot);
      await advanceWaiting(ownerId);
    }
    return "slot";
  }

  async function headOf(appId: string): Promise<LaneItem | null> {
    const running = await Promise.all(kinds.map((kind) => kind.running(appId)));
    if (running.some((item) => item !== null)) return null;
    for (const kind of kinds) {
      const head = await kind.head(appId);
      if (head !== null) return head;
    }
    return null;
  }

  async function advance(appId: string): Promise<"slot" | "no-slot" | "none-needed"> {
    const head = await headOf(appId);
    if (head === null) return "none-needed";
    if (head.ownerId !== null) return enqueueInSlot(head, head.ownerId);
    await enqueue(head, highestPriority);
    return "none-needed";
  }

  async function advanceWaiting(ownerId: string): Promise<void> {
    for (const appId of await slots.waitingApps(ownerId)) {
      const outcome = await advance(appId);
      if (outcome === "no-slot") return;
      if (outcome === "slot") continue;
      await slots.stopWaiting(ownerId, appId);
      // A deployment may have joined the lane in between.
      await advance(appId);
    }
  }

  return {
    advance,
    advanceWaiting,
    async requeue(item, delayMs) {
      await enqueue(item, highestPriority, delayMs);
      if (item.ownerId !== null) await slots.confirm({ ...item, ownerId: item.ownerId });
    },
  };
}
