// One attempt at a lane item: the input of a worker, and the ways in which the attempt can end.

import type { SlipwayError } from "@slipway/core";
import type { LaneJob } from "@slipway/protocol";
import type { BuildSlot } from "./build-slots.ts";

/** One attempt at an item of an app's lane. */
export interface LaneTask {
  /** Id of the deployment or the operation. */
  readonly id: string;
  readonly type: LaneJob["type"];
  readonly appId: string;
  /** Higher than the number of any earlier attempt, including attempts before Redis lost its data. */
  readonly attempt: number;
  /** Number of this try, up to `maxAttempts`: an item is retried after failures of the platform. */
  readonly tryNumber: number;
  /** When the item's job was added to the queue; unknown for a task without a job. */
  readonly jobAddedAt?: Date;
  /** The build slot of a deployment that may build; absent for items without a build. */
  readonly buildSlot?: BuildSlot;
}

/** The rejection of an attempt that has ended its item with an error. The job counts as failed. */
export class ItemFailed extends Error {
  override readonly name = "ItemFailed";
}

/**
 * Runs an attempt to its end. Resolves when the item is final, or rejects with ItemFailed. Rejects with "requeued" when the item is
 * back in its lane, with "store-unavailable" when nothing can be stored, which does not count as a try, with a retryable error to be
 * tried again, or with any other error to fail it. The signal's reason is a SlipwayError: "aborted" (deployments only), "lease-lost" or
 * "requeued".
 */
export type RunAttempt = (task: LaneTask, signal: AbortSignal) => Promise<void>;

/** A worker's functions for one kind of lane work. */
export interface LaneWork {
  readonly run: RunAttempt;
  /** Ends an item whose last attempt failed. Idempotent. */
  readonly exhaust: (id: string, error: SlipwayError) => Promise<void>;
}
