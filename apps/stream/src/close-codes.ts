// The stream's translation of errors: the code and reason a connection is closed with.

import { SlipwayError, toSlipwayError } from "@slipway/core";

export interface Close {
  readonly code: 1001 | 1008 | 1011 | 1013;
  /** For a person. At most 123 bytes go over the wire. */
  readonly reason: string;
}

const maxReasonBytes = 123;

export const goingAway: Close = { code: 1001, reason: "the server is going away, connect again" };
export const tooMany: Close = { code: 1013, reason: "too many connections, try again later" };
export const tooSlow: Close = { code: 1013, reason: "the connection takes nothing any more, connect again" };

/** 1008 for what the client did wrong, 1013 for what may work later, 1011 for a fault of ours. */
export function closeFor(thrown: unknown): Close {
  const { code, fault, message } = toSlipwayError(thrown);
  if (code === "too-many-requests") return { code: 1013, reason: shortened(message) };
  if (fault === "user") return { code: 1008, reason: shortened(message) };
  if (code === "internal") return { code: 1011, reason: "internal error" };
  return { code: 1013, reason: "the server cannot answer now, try again later" };
}

function shortened(message: string): string {
  return Buffer.byteLength(message) <= maxReasonBytes ? message : "refused";
}

/** The user has as many connections as one may have; some of them have to end first. */
export function tooManyConnections(): SlipwayError {
  return new SlipwayError("too-many-requests", "you have too many connections open");
}

/** A refusal of what the client asked, as an error. */
export function refusal(message: string): SlipwayError {
  return new SlipwayError("unauthorized", message);
}
