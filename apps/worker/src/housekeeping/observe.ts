// Observes running apps: stores their current addresses for routers, and their instances for the API.

import { changeApp } from "@slipway/core";
import type { Address, App, Scheduler, Store } from "@slipway/core";
import type { InstancesSeen, RedisKeys } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import type { Redis } from "ioredis";
import { announceRoutes } from "./announce-routes.ts";
import type { AnnounceRoutesContext } from "./announce-routes.ts";

export interface InstancesContext {
  readonly scheduler: Pick<Scheduler, "instances">;
  readonly store: Pick<Store, "apps">;
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly logger: Logger;
  readonly now: () => Date;
}

export type ObserveContext = InstancesContext &
  AnnounceRoutesContext & { readonly scheduler: Pick<Scheduler, "addresses" | "ping"> };

/** Observations older than a day expire. */
const observationTtlSeconds = 86_400;

/** Observes every app with a rollout in service, one at a time. A failure for one app does not stop the others. */
export async function observeApps(context: ObserveContext): Promise<void> {
  const { store, scheduler, logger } = context;
  const apps = (await store.apps.list("all")).filter((app) => app.currentRolloutId !== null);
  if (apps.length > 0) await scheduler.ping();
  for (const app of apps) {
    await observe(context, app).catch((error: unknown) =>
      logger.warn({ err: error, app: app.id }, "cannot observe an app"),
    );
  }
}

/** Publishes the app's instances to Redis. Never rejects: the next observation of all apps repeats it. */
export async function noteInstances(context: InstancesContext, appId: string): Promise<void> {
  await recordInstances(context, appId).catch((error: unknown) =>
    context.logger.warn({ err: error, app: appId }, "cannot publish the instances of an app"),
  );
}

/** Leaves out former rollouts: they get no requests and are stopping. */
async function recordInstances(
  { scheduler, store, redis, keys, now }: InstancesContext,
  appId: string,
): Promise<void> {
  const all = await scheduler.instances(appId);
  const current = (await store.apps.get(appId))?.currentRolloutId;
  const instances = all.filter(({ rolloutId, state }) => rolloutId === current || state === "starting");
  const seen: InstancesSeen = {
    seenAt: now().toISOString(),
    instances: instances.map((instance) => ({
      id: instance.id,
      releaseId: instance.releaseId,
      processType: instance.processType,
      index: instance.index,
      state: instance.state,
      createdAt: instance.createdAt.toISOString(),
      memoryBytes: instance.memoryBytes,
      cpus: instance.cpus,
      restartReason: instance.restartReason,
    })),
  };
  await redis.set(keys.appInstances(appId), JSON.stringify(seen), "EX", observationTtlSeconds);
}

/** Stores nothing when the app has changed since it was read: the later change has the newer addresses. */
async function observe(context: ObserveContext, app: App): Promise<void> {
  const { store, scheduler, now } = context;
  const targets = await scheduler.addresses(app.id, app.currentRolloutId ?? "");
  if (!same(targets, app.targets) && (await store.apps.compareAndSet(changeApp(app, now(), { targets })))) {
    announceRoutes(context, app.id);
  }
  await recordInstances(context, app.id);
}

function same(some: readonly Address[], others: readonly Address[]): boolean {
  return JSON.stringify(some.map(plain)) === JSON.stringify(others.map(plain));
}

function plain({ host, port }: Address): [string, number] {
  return [host, port];
}
