// Shared parts of the chaos tests: slow sources, and the check of all invariants after a deployment.

import { expect } from "vitest";
import type { Deployment } from "@slipway/core";
import { eventually } from "@slipway/testkit";
import type { Follower } from "./follower.ts";
import { statusesOf } from "./follower.ts";
import { hasFormer, violations } from "./invariants.ts";
import type { SlipwayUnderTest } from "./slipway.ts";

/** The body of a compile script that prints `step 1 of COUNT` and so on, five lines per second. */
export function steps(count: number): string {
  return `for i in $(seq 1 ${count}); do echo "step $i of ${count}"; sleep 0.2; done`;
}

/** Attempts that begin after this call wait at `waitIfHeld`. */
export function holdAttempts(slipway: SlipwayUnderTest, app: { readonly name: string }): Promise<void> {
  return setHold(slipway, app.name, "yes");
}

/** Attempts that begin after this call do not wait; the current one still waits. */
export function releaseNextAttempts(
  slipway: SlipwayUnderTest,
  app: { readonly name: string },
): Promise<void> {
  return setHold(slipway, app.name, "");
}

/** A web command that answers with a text and ignores SIGTERM. */
export function stubborn(text: string): string {
  return `trap '' TERM; perl serve.pl "${text}"; true`;
}

/**
 * Waits until the deployments are final in the store and for the followers, and the replaced rollouts have stopped; then expects every
 * invariant to hold for their app.
 */
export async function settled(
  slipway: SlipwayUnderTest,
  app: { readonly id: string },
  ids: readonly string[],
  followers: readonly Follower[],
  { clocksDiffered = false } = {},
): Promise<Deployment[]> {
  const ended = await Promise.all(ids.map((id) => slipway.ended(id)));
  for (const follower of followers) {
    for (const { id, status } of ended)
      await follower.until((frames) => statusesOf(frames, id).at(-1) === status);
  }
  const { store, installationId, engines } = slipway;
  await eventually(async () => !(await hasFormer({ store, installationId, engines, appIds: [app.id] })));
  const containers = slipway.containers.lifetimes.filter(({ appId }) => appId === app.id);
  const found = await violations({
    store,
    installationId,
    appIds: [app.id],
    accepted: ids,
    followers,
    engines,
    containers,
    clocksDiffered,
  });
  // Compared as text, because the summary of a failed run shows texts.
  expect(found.join("\n")).toBe("");
  return ended;
}

async function setHold(slipway: SlipwayUnderTest, app: string, value: string): Promise<void> {
  const variables = [{ name: "HOLD", value }];
  const answer = await slipway.request("PUT", `/v1/apps/${app}/variables`, { variables });
  expect(answer.ok).toBe(true);
}
