// Which errors mean that Redis does not answer, or cannot: all others are bugs, or have another cause.

import { SlipwayError } from "@slipway/core";

/** Errors of ioredis and BullMQ for commands that a lost connection ended. */
const names: ReadonlySet<string> = new Set([
  "AbortError",
  "ClusterAllFailedError",
  "ConnectionClosedError",
  "InterruptError",
  "MaxRetriesPerRequestError",
]);
/** ioredis throws these as plain errors. */
const messages = /connection is closed|timed? ?out|isn't writeable|sentinels are unreachable/i;
/** Answers of a Redis that runs and cannot serve: it loads, is full, is a replica, or refuses the client. */
const refusals =
  /^-?(?:LOADING|READONLY|MISCONF|OOM|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|EXECABORT|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|ERR max number of clients)\b/;

/** Whether a call failed because Redis does not answer, or refuses to. */
export function isRedisFailure(error: unknown): boolean {
  // Failures of other services, such as a store that did not answer in time, have their own explanation.
  if (!(error instanceof Error) || error instanceof SlipwayError) return false;
  if (error.name === "ReplyError") return refusals.test(error.message);
  if (names.has(error.name) || messages.test(error.message)) return true;
  // A connection failed to each address of a name.
  if (error instanceof AggregateError) return error.errors.some(isRedisFailure);
  return "syscall" in error;
}
