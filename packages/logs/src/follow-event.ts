// The events that a follower sends, and the options of a follower.

import type { Deployment, StatusChange } from "@slipway/core";
import type { PhaseMessage } from "@slipway/protocol";
import type { LineBatch } from "./tail.ts";

export type FollowEvent =
  /** A deployment was created after the follower started. */
  | { readonly type: "new"; readonly deployment: Deployment }
  /** `index` is the status's position in the deployment's history, from 1. */
  | {
      readonly type: "status";
      readonly deploymentId: string;
      readonly change: StatusChange;
      readonly index: number;
    }
  /**
   * The lines after line `afterSeq` were replaced: the client must drop them. The replacing lines follow. `lineCount` is the
   * number of replaced lines that had been sent.
   */
  | {
      readonly type: "rewind";
      readonly deploymentId: string;
      readonly afterSeq: number;
      readonly lineCount: number;
    }
  /** Consecutive lines. All followers of an app receive the same `batch` object for a live event, so its encoding can be cached. */
  | { readonly type: "log"; readonly deploymentId: string; readonly batch: LineBatch }
  /** The start or the end of a phase, live only: earlier phases are in the store. */
  | { readonly type: "phase"; readonly deploymentId: string; readonly phase: PhaseMessage };

/** One deployment, and the position to resume from. */
export interface FollowOne {
  readonly deploymentId: string;
  /** Number of the last line the client has; 0 for none. */
  readonly afterSeq: number;
  /** Index of the last status the client has; 0 for none. */
  readonly afterStatus: number;
}

export interface FollowerOptions {
  /** Follows only this deployment, however long ago it ended. Default: all unfinished and recently finished ones. */
  readonly only?: FollowOne;
  /**
   * Consumes an event. While a returned promise is pending, the follower neither sends nor buffers events: it reads them from
   * the store and Redis afterwards. The promise must settle when the follower is closed.
   */
  readonly send: (event: FollowEvent) => void | Promise<void>;
  /** Called when `send` has thrown or rejected. The follower is closed. */
  readonly onFailure: (error: unknown) => void;
  /** Called once, when all events of `only` were sent and consumed. The follower stays open until it is closed. */
  readonly onDone?: (deployment: Deployment) => void;
}
