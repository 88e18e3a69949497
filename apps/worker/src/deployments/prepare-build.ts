// Prepares a build: the plan, the app's former image, and an engine without leftovers of older attempts.

import { together } from "@slipway/async";
import { label } from "@slipway/core";
import type { BuildEngine } from "@slipway/core";
import { labelsOf } from "./attempt.ts";
import type { Attempt, Labelled } from "./attempt.ts";
import { formerImage } from "./former-image.ts";
import type { FormerImage, FormerImageContext } from "./former-image.ts";
import type { FetchedSource } from "./phases/fetch.ts";
import { plan } from "./phases/plan.ts";
import type { Plan, PlanContext } from "./phases/plan.ts";

export interface RemovalContext {
  readonly engine: Pick<BuildEngine, "removeSandboxes">;
}

type PreparedAttempt = Labelled &
  Pick<Attempt, "app" | "variables" | "signal"> & {
    readonly log: Pick<Attempt["log"], "line" | "lastSeq">;
    readonly lease: Pick<Attempt["lease"], "phase">;
  };

/**
 * All calls end before this function returns or throws: a plan that continued after a failure would read a deleted source.
 * @throws {SlipwayError} the first failure.
 */
export async function prepareBuild(
  context: PlanContext & FormerImageContext & RemovalContext,
  attempt: PreparedAttempt,
  fetched: Pick<FetchedSource, "open">,
): Promise<{ readonly planned: Plan; readonly former: FormerImage | null }> {
  const { lease, log, app } = attempt;
  const [planned, former] = await together(attempt.signal, (signal) => [
    lease.phase("plan", log, () => plan(context, { ...attempt, signal }, fetched)),
    formerImage(context, app, signal),
    removeOlderSandboxes(context, attempt),
  ]);
  return { planned, former };
}

/** Removes older attempts' sandboxes from the engine: they must be gone before this attempt builds. */
export async function removeOlderSandboxes({ engine }: RemovalContext, attempt: Labelled): Promise<void> {
  const { [label.attempt]: _attempt, ...deployment } = labelsOf(attempt);
  await engine.removeSandboxes(deployment);
}
