// Waits for the removal of an earlier copy of an image: the removal would also remove a new copy, which has the same digest.

import { poll } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { App, Deployment } from "@slipway/core";
import type { RegistryWrites } from "@slipway/bus";
import type { Attempt } from "../../attempt.ts";
import { heldRemoval } from "../../held-writes.ts";
import { unneededImages } from "../../../housekeeping/prune-images.ts";
import type { UnneededContext } from "../../../housekeeping/prune-images.ts";
import { requestPruning } from "../../../housekeeping/request-pruning.ts";
import type { OldImagesContext } from "../../../housekeeping/request-pruning.ts";

export type RemovalContext = UnneededContext &
  Pick<OldImagesContext, "housekeeping" | "logger"> & {
    readonly registryWrites: Pick<RegistryWrites, "isHeld">;
  };

interface Holder extends Pick<Attempt, "signal"> {
  readonly app: App;
  readonly lease: { readonly deployment: Pick<Deployment, "id"> };
  readonly log: Pick<Attempt["log"], "line">;
}

const everyMs = 250;
const removalLimitMs = 120_000;

/**
 * @param limitMs how long the removal may take, in milliseconds. If a garbage collection delays the removal, the time counts from the end
 * of the collection.
 * @throws {SlipwayError} "registry-unavailable" when the removal does not end: another attempt waits again.
 */
export async function waitForRemoval(
  context: RemovalContext,
  attempt: Holder,
  digest: string,
  limitMs = removalLimitMs,
): Promise<void> {
  const { app, log, signal } = attempt;
  const isUnneeded = async () => (await unneededImages(context, app.id)).has(digest);
  if (!(await isUnneeded())) return;
  log.line("       Waiting until an earlier copy of the image is removed");
  await requestPruning(context, attempt);
  let countedFrom = performance.now();
  let isHeld = false;
  const outcome = async (): Promise<"removed" | "late" | undefined> => {
    if (!(await isUnneeded())) return "removed";
    if (await context.registryWrites.isHeld()) {
      if (!isHeld) log.line(heldRemoval);
      isHeld = true;
      countedFrom = performance.now();
      return undefined;
    }
    // The removal may have given up in the meantime.
    if (isHeld) await requestPruning(context, attempt);
    isHeld = false;
    return performance.now() - countedFrom >= limitMs ? "late" : undefined;
  };
  if ((await poll(outcome, { everyMs, signal })) === "late")
    throw new SlipwayError(
      "registry-unavailable",
      `an earlier copy of the image ${digest} is still being removed`,
    );
}
