// The store as attempts use it: calls are retried while the database is unavailable, so that a build survives an outage.

import { retry } from "@slipway/async";
import type { Store } from "@slipway/core";
import { defaultLimits } from "@slipway/logs";

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/**
 * Repeats each call while the store is away, but for those of the log: its writer waits by itself, and holds the build's output
 * back meanwhile. Any call of a store may be repeated, as its port says; only a compare-and-set whose first answer was lost says
 * that it was not made (see storeChange).
 * @param signal ends the waiting, with its reason.
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
