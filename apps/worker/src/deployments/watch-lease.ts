// Watches the lease of a running attempt, in addition to the checks of every step.

import { toSlipwayError } from "@slipway/core";
import type { DeploymentLease } from "@slipway/deployments";
import type { Logger } from "@slipway/service";

const checkEveryMs = 5_000;

export interface LeaseWatch extends Disposable {
  /** Aborted with "aborted" or "lease-lost" once the store shows that the lease is lost. */
  readonly signal: AbortSignal;
}

/** The message that aborts an attempt may be lost, so the store is read every few seconds. */
export function watchLease(
  { logger }: { readonly logger: Logger },
  lease: Pick<DeploymentLease, "check">,
): LeaseWatch {
  const controller = new AbortController();
  let checking = false;
  const timer = setInterval(() => {
    if (checking) return;
    checking = true;
    lease
      .check()
      .catch((error: unknown) => {
        const reason = toSlipwayError(error);
        if (reason.code === "aborted" || reason.code === "lease-lost") controller.abort(reason);
        else logger.warn({ err: error }, "cannot check a lease; the next step checks it again");
      })
      .finally(() => {
        checking = false;
      });
  }, checkEveryMs);
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
}
