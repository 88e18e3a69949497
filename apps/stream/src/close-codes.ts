// Translates errors to the code and reason of a WebSocket close.

import { SlipwayError, toSlipwayError } from "@slipway/core";

export interface Close {
  readonly code: 1001 | 1008 | 1011 | 1013;
  /** Human-readable. The WebSocket protocol allows 123 bytes. */
  readonly reason: string;
}

const maxReasonBytes = 123;

export const goingAway: Close = { code: 1001, reason: "the server is shutting down, connect again" };
export const overCapacity: Close = { code: 1013, reason: "too many connections, try again later" };
export const unresponsive: Close = { code: 1013, reason: "the client does not answer pings, connect again" };

/** 1008: the client's fault. 1013: a retry may succeed. 1011: an internal error. */
export function closeFor(thrown: unknown): Close {
  const { code, fault, message } = toSlipwayError(thrown);
  if (code === "too-many-requests") return { code: 1013, reason: withinLimit(message) };
  if (fault === "user") return { code: 1008, reason: withinLimit(message) };
  if (code === "internal") return { code: 1011, reason: "internal error" };
  return { code: 1013, reason: "the server cannot answer now, try again later" };
}

function withinLimit(message: string): string {
  return Buffer.byteLength(message) <= maxReasonBytes ? message : "refused";
}

/** The error for a user who has reached `connectionsPerUser`. */
export function tooManyConnections(): SlipwayError {
  return new SlipwayError("too-many-requests", "you have too many open connections: close one first");
}

/** The error for a client that did not authenticate. */
export function unauthorized(message: string): SlipwayError {
  return new SlipwayError("unauthorized", message);
}
