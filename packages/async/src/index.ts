// Deadlines, aborts, pauses, retries, polling, turns, shared runs, repeated work, calls at the same time, and handlers whose promises are not awaited.
//
// They use Node's own timers and AbortSignal, not p-timeout, p-retry or cockatiel. p-timeout bounds a promise but does not stop
// the work behind it. p-retry drops a result that arrives together with an abort, and never retries a TypeError. cockatiel
// bounds a retry by attempts, not by time, and rejects with errors of its own. Each would need a wrapper as long as the code
// here. A timer that is restarted (an idle or stall timer) needs no helper: Node's Timeout has `refresh()` and works
// with `using`.

export { untilAborted } from "./abort.ts";
export { atIntervals } from "./at-intervals.ts";
export type { IntervalOptions } from "./at-intervals.ts";
export { contain } from "./contain.ts";
export { DeadlineError, endsWithin, rejectionOf, withDeadline } from "./deadline.ts";
export type { DeadlineOptions } from "./deadline.ts";
export { paced } from "./pace.ts";
export type { PaceOptions } from "./pace.ts";
export { inTurn } from "./in-turn.ts";
export { coalesced } from "./coalesced.ts";
export { elapsed, pause } from "./pause.ts";
export { poll } from "./poll.ts";
export type { PollOptions } from "./poll.ts";
export { backoffMs, retry } from "./retry.ts";
export type { RetryOptions } from "./retry.ts";
export { together } from "./together.ts";
export { KeyedQueue } from "./keyed-queue.ts";
