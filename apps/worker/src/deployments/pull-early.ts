// Pulls the image of a release before its start, while other work is done.

import type { Scheduler } from "@slipway/core";
import type { Logger } from "@slipway/service";
import type { Attempt } from "./attempt.ts";

export interface PullEarlyContext {
  readonly scheduler: Pick<Scheduler, "prepareImage">;
  readonly logger: Pick<Logger, "warn">;
}

/**
 * The start waits for this pull, or pulls the image again and reports the failure.
 * @param image the image's reference by digest.
 * @returns the pull. Its disposal ends once the pull has ended.
 */
export function pullEarly(
  { scheduler, logger }: PullEarlyContext,
  { app, lease, signal }: Pick<Attempt, "app" | "lease" | "signal">,
  image: string,
): AsyncDisposable {
  const pulled = app.webCount === 0 ? Promise.resolve() : scheduler.prepareImage(image, signal);
  const ended = pulled.catch((error: unknown) => {
    if (!signal.aborted)
      logger.warn({ err: error, deployment: lease.deployment.id }, "cannot pull the image before the start");
  });
  return { [Symbol.asyncDispose]: () => ended };
}
