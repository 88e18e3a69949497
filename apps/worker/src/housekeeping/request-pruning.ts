// Decides at the end of a successful deployment which images are unneeded, and requests their removal. A failure does not
// affect the deployment: the app's next deployment does both again.

import type { App, Deployment } from "@slipway/core";
import type { DeploymentLease } from "@slipway/deployments";
import type { Housekeeping } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import { decideUnneeded } from "./prune-images.ts";
import type { DecideContext } from "./prune-images.ts";

export type OldImagesContext = DecideContext & {
  readonly logger: Logger;
  readonly housekeeping: Pick<Housekeeping, "request">;
};

interface Deployed {
  readonly app: App;
  readonly lease: DeploymentLease;
}

/** Call it while holding the lane. Never rejects. */
export async function decideOldImages(context: OldImagesContext, { app, lease }: Deployed): Promise<void> {
  await decideUnneeded(context, app.id, lease).catch((error: unknown) =>
    context.logger.warn(
      { err: error, deployment: lease.deployment.id },
      "cannot select the images to remove",
    ),
  );
}

/** Never rejects. */
export async function requestPruning(
  { housekeeping, logger }: Pick<OldImagesContext, "housekeeping" | "logger">,
  { app, lease }: Pick<Deployed, "app"> & { readonly lease: { readonly deployment: Pick<Deployment, "id"> } },
): Promise<void> {
  await housekeeping
    .request({ type: "prune-images", appId: app.id })
    .catch((error: unknown) =>
      logger.warn(
        { err: error, deployment: lease.deployment.id },
        "cannot request the removal of old images",
      ),
    );
}
