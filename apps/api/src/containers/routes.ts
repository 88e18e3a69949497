// /v1/apps/:app/containers, ps and autoscalers: shows an app's containers.

import type { RedisConnection } from "@slipway/bus";
import { maxPendingOperations, wantedWebCount } from "@slipway/core";
import type { App, Operation, Release, Store } from "@slipway/core";
import { autoscalersAnswer, containersAnswer, containerTypesAnswer, instancesSeen } from "@slipway/protocol";
import type { InstancesSeen, RedisKeys } from "@slipway/protocol";
import { withQueueErrors } from "@slipway/queue";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { currentRelease } from "./current-release.ts";
import { presentContainer, presentContainerType } from "./presenter.ts";

interface InstancesContext {
  readonly redis: Pick<RedisConnection, "get">;
  readonly keys: Pick<RedisKeys, "appInstances">;
}

export interface ContainerContext extends InstancesContext {
  readonly store: Pick<Store, "operations" | "releases">;
}

export function containerRoutes(context: ContainerContext): Route[] {
  const { store } = context;
  return [
    route({
      method: "get",
      path: "/apps/:app/containers",
      summary: "List the app's process types and their container counts",
      access: "app:read",
      answer: { status: 200, json: containerTypesAnswer },
      async handle({ app }) {
        const amount = wantedWebCount(app.webCount, await unfinished(store, app));
        return { containers: [presentContainerType(app, await currentRelease(store, app), amount)] };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/ps",
      summary: "List the app's containers, as of a few seconds ago",
      access: "app:read",
      answer: { status: 200, json: containersAnswer },
      async handle({ app }) {
        const { instances } = await instancesOf(context, app);
        const ids = [...new Set(instances.map(({ releaseId }) => releaseId))];
        const releases = new Map<string, Release | null>();
        for (const id of ids) releases.set(id, await store.releases.get(id));
        const present = (instance: (typeof instances)[number]) =>
          presentContainer(app, instance, releases.get(instance.releaseId) ?? null);
        return { containers: instances.map(present) };
      },
    }),
    route({
      method: "get",
      path: "/apps/:app/autoscalers",
      summary: "List the app's autoscalers; always empty",
      access: "app:read",
      answer: { status: 200, json: autoscalersAnswer },
      handle: async () => ({ autoscalers: [] }),
    }),
  ];
}

/** The app's unfinished operations, in the order in which they run. */
async function unfinished({ operations }: Pick<Store, "operations">, app: App): Promise<Operation[]> {
  const pending = await operations.pending(app.id, maxPendingOperations);
  const running = await operations.running(app.id);
  return running === null ? pending : [running, ...pending];
}

/** @throws {SlipwayError} "queue-unavailable" when Redis does not answer. */
async function instancesOf({ redis, keys }: InstancesContext, app: App): Promise<InstancesSeen> {
  const seen = await withQueueErrors(() => redis.get(keys.appInstances(app.id)));
  return seen === null ? { seenAt: "", instances: [] } : instancesSeen.parse(JSON.parse(seen));
}
