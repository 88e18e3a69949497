// Observes apps whose instances have changed: stores the instances' current addresses for routers, and the instances for the API.

import type { RedisConnection } from "@slipway/bus";
import { changeApp } from "@slipway/core";
import type { Address, App, Scheduler, Store } from "@slipway/core";
import type { InstancesSeen, RedisKeys } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import { appParts } from "@slipway/store";
import { announceRoutes } from "./announce-routes.ts";
import type { AnnounceRoutesContext } from "./announce-routes.ts";

export interface InstancesContext {
  readonly scheduler: Pick<Scheduler, "instances">;
  readonly store: Pick<Store, "apps">;
  readonly redis: RedisConnection;
  readonly keys: RedisKeys;
  readonly logger: Logger;
  readonly now: () => Date;
}

export type ObserveContext = InstancesContext &
  AnnounceRoutesContext & { readonly scheduler: Pick<Scheduler, "addresses" | "fingerprints"> };

/** All apps are observed again after this time, in case a change was missed. */
const observedTtlSeconds = 3_600;
/** How many apps are read from the store at once. */
const appsRead = 500;
/** A field that is not an app's id. If it is missing, Redis has lost its data or the observations have expired. */
const observationMark = "";
/** Observations older than a day expire. */
const observationTtlSeconds = 86_400;

/**
 * Observes the apps that have changed on the engine since their last observation. Once an hour it observes every app with a
 * rollout in service. A failure for one app does not stop the others; the next call observes it again.
 */
export async function observeApps(context: ObserveContext): Promise<void> {
  const { store, scheduler, redis, keys } = context;
  const observed = new Map(Object.entries(await redis.hgetall(keys.appsObserved)));
  const found = await scheduler.fingerprints();
  const isFirst = !observed.delete(observationMark);
  const ids = new Set([...found.keys(), ...observed.keys()]);
  const changed = [...ids].filter((id) => found.get(id) !== observed.get(id));
  if (isFirst) await redis.hset(keys.appsObserved, observationMark, "");
  if (isFirst) await redis.expire(keys.appsObserved, observedTtlSeconds);
  const serving = isFirst ? await servingApps(store) : [];
  const wanted = [...new Set([...changed, ...serving])];
  for (let at = 0; at < wanted.length; at += appsRead)
    await observeSome(context, wanted.slice(at, at + appsRead), found);
}

async function servingApps({ apps }: ObserveContext["store"]): Promise<string[]> {
  const serving: string[] = [];
  for await (const part of appParts({ apps }, "all"))
    serving.push(...part.filter((app) => app.currentRolloutId !== null).map(({ id }) => id));
  return serving;
}

async function observeSome(
  context: ObserveContext,
  ids: readonly string[],
  found: ReadonlyMap<string, string>,
): Promise<void> {
  const { store, redis, keys, logger } = context;
  const apps = new Map((await store.apps.many(ids)).map((app) => [app.id, app]));
  const done = redis.pipeline();
  for (const id of ids) {
    const app = apps.get(id);
    try {
      const isServing = app !== undefined && app.currentRolloutId !== null;
      // The app changed in the meantime: the next call observes it again.
      if (isServing && !(await observe(context, app))) continue;
      const fingerprint = found.get(id);
      if (fingerprint === undefined) done.hdel(keys.appsObserved, id);
      else done.hset(keys.appsObserved, id, fingerprint);
    } catch (error) {
      logger.warn({ err: error, app: id }, "cannot observe an app");
    }
  }
  await done.exec();
}

/** Publishes the app's instances to Redis. Never rejects: the next observation of all apps repeats it. */
export async function noteInstances(context: InstancesContext, appId: string): Promise<void> {
  await recordInstances(context, appId).catch((error: unknown) =>
    context.logger.warn({ err: error, app: appId }, "cannot publish the instances of an app"),
  );
}

/** Leaves out former rollouts, which get no requests and are stopping. */
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

/** @returns false, and stores no addresses, when the app has changed in any way since it was read. */
async function observe(context: ObserveContext, app: App): Promise<boolean> {
  const { store, scheduler, now } = context;
  const targets = await scheduler.addresses(app.id, app.currentRolloutId ?? "");
  const isStored =
    same(targets, app.targets) || (await store.apps.compareAndSet(changeApp(app, now(), { targets })));
  if (isStored && !same(targets, app.targets)) announceRoutes(context, app.id);
  await recordInstances(context, app.id);
  return isStored;
}

function same(some: readonly Address[], others: readonly Address[]): boolean {
  return JSON.stringify(some.map(plain)) === JSON.stringify(others.map(plain));
}

function plain({ host, port }: Address): [string, number] {
  return [host, port];
}
