// How a followed log is written into a response.

import type { Deployment } from "@slipway/core";
import type { FollowEvent } from "@slipway/logs";

/** What the client has received: the last line's number, and the last status's index. */
export interface Cursor {
  seq: number;
  status: number;
}

export interface OutputFormat {
  readonly contentType: string;
  /** Sent while nothing else is; "" for none. */
  readonly heartbeat: string;
  /** Where the client continues. @param lastEventId the header Last-Event-ID. */
  parseCursor(lastEventId: string | undefined): Cursor;
  /** Moves the cursor past the event. @returns "" for an event that the format leaves out. */
  textOf(event: FollowEvent, cursor: Cursor): string;
  endOf(deployment: Deployment, cursor: Cursor): string;
}
