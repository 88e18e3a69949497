// Moves deployments through their statuses in a store under test.

import { expect } from "vitest";
import type { Deployment, DeploymentStatus, Store } from "@slipway/core";
import { stepsTo } from "../fixtures.ts";

export const oneToTwenty: readonly number[] = Array.from({ length: 20 }, (_, index) => index + 1);

/** Stores each revision of a queued deployment up to a status. @returns the deployment in that status. */
export async function bringTo(
  store: Store,
  queued: Deployment,
  status: DeploymentStatus,
  at?: Date,
): Promise<Deployment> {
  const steps = stepsTo(queued, status, at);
  for (const step of steps) expect(await store.deployments.compareAndSet(step)).toBe(true);
  return steps.at(-1) ?? queued;
}
