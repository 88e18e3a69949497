// Writes an operation down and has the workers told.

import { randomUUID } from "node:crypto";
import { maxPendingOperations, newOperation, SlipwayError } from "@slipway/core";
import type { App, Operation, User } from "@slipway/core";
import { announceOperation } from "./announce.ts";
import type { Platform } from "./platform.ts";

/**
 * @param webCount how many web instances are wanted; null for a restart.
 * @throws {SlipwayError} "invalid" for a count that cannot be, "conflict" when too many of the app's wait already.
 */
export async function requestOperation(
  platform: Platform,
  user: User,
  app: App,
  webCount: number | null,
): Promise<Operation> {
  const { operations } = platform.store;
  const kind = webCount === null ? "restart" : "scale";
  const request = { id: randomUUID(), appId: app.id, kind, webCount, requestedBy: user.id } as const;
  const operation = newOperation(
    { ...request, createdAt: platform.now() },
    platform.config.APP_CONTAINERS_MAX,
  );
  if ((await operations.pending(app.id, maxPendingOperations)).length === maxPendingOperations) {
    throw new SlipwayError("conflict", `${maxPendingOperations} operations of the app wait already`);
  }
  await operations.create(operation);
  await announceOperation(platform, operation);
  return operation;
}
