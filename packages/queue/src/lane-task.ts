// One attempt at an item of a lane: the input of a worker, and how the attempt ends.

import type { SlipwayError } from "@slipway/core";
import type { LaneJob } from "@slipway/protocol";
import type { BuildSlot } from "./build-slots.ts";

/** One attempt at an item of an app's lane. */
export interface LaneTask {
  /** Id of the deployment or the operation. */
  readonly id: string;
  readonly type: LaneJob["type"];
  readonly appId: string;
  /** Higher than that of any earlier attempt, also one from before Redis lost its data. */
  readonly attempt: number;
  /** Number of the try, up to `maxAttempts`: how many times the platform may have failed the item so far, this one included. */
  readonly tryNumber: number;
  /** When the item's job was added to the queue; unknown for a task without a job. */
  readonly jobAddedAt?: Date;
  /** The build slot of a deployment that may build; absent where nothing is built. */
  readonly buildSlot?: BuildSlot;
}

/** The rejection of an attempt that has ended its item with an error. The job counts as failed. */
export class ItemFailed extends Error {
  override readonly name = "ItemFailed";
}

/**
 * Runs an attempt to its end. Resolves when the item is final, or rejects with ItemFailed. Rejects with "requeued" once the item is
 * back in its lane, with "store-unavailable" when nothing can be stored, which is not counted as a try, with a retryable error for
 * another try, or with any other error to fail it. The signal's reason is a SlipwayError: "aborted" (deployments only), "lease-lost" or "requeued".
 */
export type RunAttempt = (task: LaneTask, signal: AbortSignal) => Promise<void>;

/** What a worker does for one kind of lane work. */
export interface LaneWork {
  readonly run: RunAttempt;
  /** Ends an item whose last attempt failed. Idempotent. */
  readonly exhaust: (id: string, error: SlipwayError) => Promise<void>;
}
