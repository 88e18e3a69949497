// Tells the rest of the platform what the store already holds. The store is the truth, so a request does not fail when nobody
// can be told: workers look at the store by themselves.

import { endsWithin } from "@slipway/async";
import type { Deployment, Operation } from "@slipway/core";
import { publishNew, publishStatus } from "@slipway/logs";
import type { Platform } from "./platform.ts";

/** A request waits this long for Redis; what is not done by then goes on without it. */
const patienceMs = 2_000;

/** A new deployment: to the app's followers, then to the workers. */
export async function announceNew(platform: Platform, deployment: Deployment): Promise<void> {
  const { redis, keys, lanes } = platform;
  await told(platform, "a new deployment's followers", () => publishNew(redis, keys, deployment));
  await told(platform, "the queue of a new deployment", () => lanes.advance(deployment.appId));
}

/** A new operation: to the workers. */
export async function announceOperation(platform: Platform, { appId }: Operation): Promise<void> {
  await told(platform, "the queue of a new operation", () => platform.lanes.advance(appId));
}

/**
 * A deployment that the store now says is aborted: to whoever runs it, to its lane, then to the app's followers.
 * @returns whether a worker has it, or may have: that one closes its log.
 */
export async function announceAbort(platform: Platform, deployment: Deployment): Promise<boolean> {
  const { redis, keys, lanes } = platform;
  let isHeld = true;
  await told(platform, "the worker of an aborted deployment", async () => {
    isHeld = await lanes.abort(deployment);
    await lanes.advanceAfter(deployment);
  });
  await told(platform, "an aborted deployment's followers", () => publishStatus(redis, keys, deployment));
  return isHeld;
}

/** An app that the store now says is deleted. */
export async function announceRemoval(platform: Platform, appId: string): Promise<void> {
  await told(platform, "the workers of an app's removal", () => platform.lanes.requestRemoval(appId));
}

/** Resolves when it is done or failed, or takes too long: it then goes on by itself. */
export async function told({ logger }: Platform, whom: string, tell: () => Promise<unknown>): Promise<void> {
  const done = tell().catch((error: unknown) => {
    logger.warn({ err: error }, `cannot tell ${whom}; they will find it in the store`);
  });
  await endsWithin(done, patienceMs);
}
