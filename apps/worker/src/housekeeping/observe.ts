// Looks at what runs: where apps answer now, for those who route to them, and which instances there are, for those who ask.

import { changeApp } from "@slipway/core";
import type { Address, App } from "@slipway/core";
import type { InstancesSeen } from "@slipway/protocol";
import { announceRoutes } from "./announce-routes.ts";
import type { Platform } from "../platform.ts";

/** What no worker has looked at for a day is not said to run. */
const rememberedSeconds = 86_400;

/** Every app that has something in service, one after the other; one that cannot be looked at does not keep the others. */
export async function observeApps(platform: Platform): Promise<void> {
  const { store, scheduler, logger } = platform;
  const apps = (await store.apps.list("all")).filter((app) => app.currentRolloutId !== null);
  if (apps.length > 0) await scheduler.ping();
  for (const app of apps) {
    await observe(platform, app).catch((error: unknown) =>
      logger.warn({ err: error, app: app.id }, "cannot see what runs of an app"),
    );
  }
}

/** Leaves what runs of the app in Redis, if it can: the next look at all apps will. */
export async function noteInstances(platform: Platform, appId: string): Promise<void> {
  await recordInstances(platform, appId).catch((error: unknown) =>
    platform.logger.warn({ err: error, app: appId }, "cannot note what runs of an app"),
  );
}

/** Former rollouts are left out: they serve nobody, and are only there until they have stopped. */
async function recordInstances(
  { scheduler, store, redis, keys, now }: Platform,
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
    })),
  };
  await redis.set(keys.appInstances(appId), JSON.stringify(seen), "EX", rememberedSeconds);
}

/** Whoever changed the app since it was read knows better where it answers: then nothing is stored. */
async function observe(platform: Platform, app: App): Promise<void> {
  const { store, scheduler, now } = platform;
  const targets = await scheduler.addresses(app.id, app.currentRolloutId ?? "");
  if (!same(targets, app.targets) && (await store.apps.compareAndSet(changeApp(app, now(), { targets })))) {
    announceRoutes(platform, app.id);
  }
  await recordInstances(platform, app.id);
}

function same(some: readonly Address[], others: readonly Address[]): boolean {
  return JSON.stringify(some.map(plain)) === JSON.stringify(others.map(plain));
}

function plain({ host, port }: Address): [string, number] {
  return [host, port];
}
