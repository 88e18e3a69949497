// Waits for the removal of an earlier copy of an image: it would remove a new one, which has the same digest.

import { poll } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { App, Deployment } from "@slipway/core";
import type { Attempt } from "../../attempt.ts";
import { unneededImages } from "../../../housekeeping/prune-images.ts";
import type { UnneededContext } from "../../../housekeeping/prune-images.ts";
import { requestPruning } from "../../../housekeeping/request-pruning.ts";
import type { OldImagesContext } from "../../../housekeeping/request-pruning.ts";

export type RemovalContext = UnneededContext & Pick<OldImagesContext, "housekeeping" | "logger">;

interface Holder extends Pick<Attempt, "signal"> {
  readonly app: App;
  readonly lease: { readonly deployment: Pick<Deployment, "id"> };
  readonly log: Pick<Attempt["log"], "line">;
}

const everyMs = 250;
const limitMs = 120_000;

/** @throws {SlipwayError} "registry-unavailable" when the removal does not end: another attempt waits again. */
export async function waitForRemoval(
  context: RemovalContext,
  attempt: Holder,
  digest: string,
): Promise<void> {
  const { app, log, signal } = attempt;
  const isUnneeded = async () => (await unneededImages(context, app.id)).has(digest);
  if (!(await isUnneeded())) return;
  log.line("       Waiting until an earlier copy of the image is removed");
  await requestPruning(context, attempt);
  const removed = await poll(async () => !(await isUnneeded()), { everyMs, limitMs, signal });
  if (removed === undefined)
    throw new SlipwayError(
      "registry-unavailable",
      `an earlier copy of the image ${digest} is still being removed`,
    );
}
