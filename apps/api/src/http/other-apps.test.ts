import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  aCollaborator,
  aLogChunk,
  aNewDeployment,
  aNotifier,
  aVariable,
  anApp,
  anOperation,
  lacksRedis,
} from "@slipway/testkit";
import type { App, Store, User } from "@slipway/core";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import type { RouteFacts } from "./route.ts";
import { v1Routes } from "./routes.ts";

describe.skipIf(await lacksRedis())("a resource of another app of the same owner", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test("a resource of another app of the same owner is not found by any route, and stays unchanged", async () => {
    const { store } = api;
    const [owner, guest] = [await api.newUser(), await api.newUser()];
    const [app, other] = [anApp({ ownerId: owner.user.id }), anApp({ ownerId: owner.user.id })];
    for (const each of [app, other]) await store.apps.create(each);
    const resources = await createResources(store, app, guest.user);
    const before = await storedResources(store, app.id);

    const routes = v1Routes(api.service.context).filter(({ path }) => /^\/apps\/:app\/.*:/.test(path));
    const named = new Set(routes.map(({ path }) => resourceIn(path)));
    expect([...named].toSorted()).toEqual(Object.keys(resources));
    for (const route of routes) {
      const resource = resourceIn(route.path);
      const id = resources[resource] ?? "";
      const path = route.path.replace(":app", other.id).replace(`:${resource}`, id);
      const method = route.method.toUpperCase();
      const answer = await api.request(owner.token, method, `/v1${path}`, exampleFor(route));
      expect([method, route.path, answer.status, answer.body]).toEqual([
        method,
        route.path,
        404,
        { resource, error: `${resource} not found` },
      ]);
    }
    const bulk = { variable_ids: [resources["variable"]] };
    const { status } = await api.request(owner.token, "DELETE", `/v1/apps/${other.id}/variables`, bulk);
    expect(status).toBe(204);
    expect(await storedResources(store, app.id)).toEqual(before);
  });
});

/** Creates one resource of each kind in the app. @returns their ids. */
async function createResources(
  store: Store,
  { id: appId, ownerId }: App,
  guest: User,
): Promise<Readonly<Record<string, string>>> {
  const collaborator = aCollaborator({ appId, userId: guest.id });
  const notifier = aNotifier({ appId });
  const operation = anOperation({ appId });
  const variable = aVariable({ appId });
  const deployment = await store.deployments.create(aNewDeployment({ appId, ownerId }));
  await store.logs.append(aLogChunk({ deploymentId: deployment.id }));
  await store.collaborators.create(collaborator);
  await store.notifiers.create(notifier);
  await store.operations.create(operation);
  await store.variables.set(appId, [variable]);
  return {
    collaborator: collaborator.id,
    deployment: deployment.id,
    notifier: notifier.id,
    operation: operation.id,
    variable: variable.id,
  };
}

async function storedResources(store: Store, appId: string): Promise<unknown[]> {
  return [
    await store.collaborators.ofApp(appId),
    await store.deployments.list(appId, { page: 1, perPage: 10 }),
    await store.notifiers.ofApp(appId),
    await store.operations.pending(appId, 10),
    await store.variables.list(appId),
  ];
}

/** The path parameter after the app. */
function resourceIn(path: string): string {
  return /:(\w+)/.exec(path.replace(":app", ""))?.[1] ?? "";
}

/** A valid body. */
function exampleFor({ body }: RouteFacts): unknown {
  const [example] = (body?.meta()?.["examples"] ?? []) as unknown[];
  return example;
}
