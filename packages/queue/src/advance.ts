// Advances lanes: hands an app's next item to BullMQ if the app is idle and, where the item needs one, its owner has a slot.

import { joined } from "@slipway/async";
import { highestPriority, priorityOf } from "./fair-share.ts";
import type { LaneItem, LaneKind } from "./lane-kinds.ts";
import type { OwnerSlots } from "./owner-slots.ts";

export interface AdvanceOptions {
  readonly kinds: readonly LaneKind[];
  readonly slots: OwnerSlots;
  /** @returns whether the item's job exists now; false while the app has another job. */
  readonly enqueue: (item: LaneItem, priority: number, delayMs?: number) => Promise<boolean>;
}

export interface Advance {
  /** Hands out the app's next item, if it may go now and gets a slot where it needs one. */
  advance(appId: string): Promise<void>;
  /** Hands free slots of an owner to the apps that wait for one, longest first. */
  advanceWaiting(ownerId: string): Promise<void>;
  /** Enqueues a running item whose job is gone. */
  requeue(item: LaneItem, delayMs: number): Promise<void>;
}

/** What became of an app's next item: "none-needed" when it has none that may go now, or needs no slot. */
type Outcome = "slot" | "full" | "behind" | "none-needed";

/** Hands on the owner's slots that are free. */
type HandOn = (ownerId: string) => Promise<void>;
/** Within a run over the owner's waiting apps, which goes on with the next of them. */
const goOn: HandOn = async () => {};

export function advanceWith({ kinds, slots, enqueue }: AdvanceOptions): Advance {
  /** A slot that the app turns out not to need, or that belongs to an app that has waited longer, is handed on. */
  async function enqueueInSlot(item: LaneItem, ownerId: string, handOn: HandOn): Promise<Outcome> {
    const slot = { ...item, ownerId };
    const taken = await slots.take(slot);
    if (taken === "full") return "full";
    if (taken === "behind") {
      await handOn(ownerId);
      return "behind";
    }
    if (await enqueue(item, priorityOf(taken))) await slots.confirm(slot);
    else {
      await slots.free(slot);
      await handOn(ownerId);
    }
    return "slot";
  }

  async function advanceLane(appId: string, handOn: HandOn): Promise<Outcome> {
    const head = await headOf(kinds, appId);
    if (head === null) return "none-needed";
    if (head.builds && head.ownerId !== null) return enqueueInSlot(head, head.ownerId, handOn);
    await enqueue(head, highestPriority);
    return "none-needed";
  }

  /** One run at a time for an owner: runs beside each other would examine the same apps. */
  const advanceWaiting = joined(async (ownerId) => {
    for (;;) {
      // Read anew each time: an app that got its job meanwhile is no longer listed.
      const appId = await slots.longestWaiting(ownerId);
      if (appId === null) return;
      const outcome = await advanceLane(appId, goOn);
      if (outcome === "full") return;
      if (outcome !== "none-needed") continue;
      await slots.stopWaiting(ownerId, appId);
      // A deployment may have joined the lane in between.
      await advanceLane(appId, goOn);
    }
  });

  return {
    async advance(appId) {
      await advanceLane(appId, advanceWaiting);
    },
    advanceWaiting,
    async requeue(item, delayMs) {
      await enqueue(item, highestPriority, delayMs);
      if (item.builds && item.ownerId !== null)
        await slots.confirm({ ...item, ownerId: item.ownerId }, { again: true });
    },
  };
}

/** @returns the app's next item; null while one of its items runs. */
async function headOf(kinds: readonly LaneKind[], appId: string): Promise<LaneItem | null> {
  const running = await Promise.all(kinds.map((kind) => kind.running(appId)));
  if (running.some((item) => item !== null)) return null;
  for (const kind of kinds) {
    const head = await kind.head(appId);
    if (head !== null) return head;
  }
  return null;
}
