// One event for one notifier, and the outcome of its delivery.

import type { App, Deployment } from "@slipway/core";
import type { NotifyJob } from "@slipway/protocol";

export interface Notification {
  readonly job: NotifyJob;
  readonly app: App;
  /** Null for a test event. */
  readonly deployment: Deployment | null;
}

/** "void": the event does not apply to the notifier. "refused": a retry is useless. */
export type Outcome =
  | { readonly kind: "void" }
  | {
      readonly kind: "delivered" | "failed" | "refused";
      readonly status: number | null;
      readonly error: string | null;
    };
