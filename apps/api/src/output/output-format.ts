// How a followed log is written into a response.

import type { Deployment } from "@slipway/core";
import type { FollowEvent } from "@slipway/logs";

/** The client's position in the log: the number of the last received line, and the index of the last received status. */
export interface Cursor {
  seq: number;
  status: number;
}

export interface OutputFormat {
  readonly contentType: string;
  /** Sent when nothing else is sent; "" for no heartbeat. */
  readonly heartbeat: string;
  /** Parses the position at which the client resumes. @param lastEventId the header Last-Event-ID. */
  parseCursor(lastEventId: string | undefined): Cursor;
  /** Moves the cursor past the event. @returns the text of the event; "" for an event that the format omits. */
  textOf(event: FollowEvent, cursor: Cursor): string;
  endOf(deployment: Deployment, cursor: Cursor): string;
}
