// The store for attempts: calls are retried while the database is unavailable, so that a build survives an outage.

import { retry } from "@slipway/async";
import type { Store } from "@slipway/core";
import { defaultLimits } from "@slipway/logs";

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/**
 * Retries each call while the store is unavailable, except for calls of the log: the log writer retries these itself, and does not read the
 * build's output until they succeed. Every call may be repeated, as the port requires. A compare-and-set whose first response was lost
 * returns false when it is repeated; `storeChange` handles that.
 * @param signal ends the retries, with its reason.
 */
export function retryingStore(store: Store, signal: AbortSignal): Store {
  return withEach(store, (part) =>
    typeof part === "object" && part !== null && part !== store.logs
      ? withEach(part, (call) => retriedCall(call as Call, signal))
      : part,
  );
}

function withEach<Whole extends object>(whole: Whole, change: (member: unknown) => unknown): Whole {
  return new Proxy(whole, { get: (target, name) => change(Reflect.get(target, name)) });
}

function retriedCall(call: Call, signal: AbortSignal): Call {
  return (...args) => retry(() => call(...args), { limitMs: defaultLimits.outageMs, signal });
}
