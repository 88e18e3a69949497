// Decides which errors mean that Redis does not respond, or cannot serve. All other errors are bugs or have another cause.

import { SlipwayError } from "@slipway/core";

/** Names of the errors of ioredis and BullMQ for commands that failed because of a lost connection. */
const names: ReadonlySet<string> = new Set([
  "AbortError",
  "ClusterAllFailedError",
  "ConnectionClosedError",
  "InterruptError",
  "MaxRetriesPerRequestError",
]);
/** Messages of errors that ioredis throws without a class of their own. */
const messages =
  /connection is closed|timed? ?out|isn't writeable|sentinels are unreachable|cluster isn't ready|none of .*nodes|too many cluster redirections/i;
/** Error replies of a running Redis that cannot serve: it is loading, is full, is a replica, lacks the slot, or refuses the client. */
const refusals =
  /^-?(?:LOADING|READONLY|MISCONF|OOM|BUSY|MASTERDOWN|CLUSTERDOWN|MOVED|ASK|TRYAGAIN|EXECABORT|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|ERR max number of clients)\b/;

/** Whether a call failed because Redis does not respond, or refuses the call. */
export function isRedisFailure(error: unknown): boolean {
  // A SlipwayError already names its cause, such as a store that did not respond in time.
  if (!(error instanceof Error) || error instanceof SlipwayError) return false;
  if (error.name === "ReplyError") return refusals.test(error.message);
  if (names.has(error.name) || messages.test(error.message)) return true;
  // The errors of a connection that failed at each address of a host name.
  if (error instanceof AggregateError) return error.errors.some(isRedisFailure);
  return "syscall" in error;
}
