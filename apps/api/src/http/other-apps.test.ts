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
import type { RouteFacts } from "./route.ts";
import { v1Routes } from "./routes.ts";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("a resource of another app of the same owner", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test("is not found by any route, and stays unchanged", async () => {
    const { store } = api;
    const [owner, guest] = [await api.newUser(), await api.newUser()];
    const [app, other] = [anApp({ ownerId: owner.user.id }), anApp({ ownerId: owner.user.id })];
    for (const each of [app, other]) await store.apps.create(each);
    const appId = app.id;
    const collaborator = aCollaborator({ appId, userId: guest.user.id });
    const [notifier, operation, variable] = [
      aNotifier({ appId }),
      anOperation({ appId }),
      aVariable({ appId }),
    ];
    const deployment = await store.deployments.create(aNewDeployment({ appId, ownerId: owner.user.id }));
    await store.logs.append(aLogChunk({ deploymentId: deployment.id }));
    await store.collaborators.create(collaborator);
    await store.notifiers.create(notifier);
    await store.operations.create(operation);
    await store.variables.set(appId, [variable]);
    const resources: Readonly<Record<string, { readonly id: string }>> = {
      collaborator,
      deployment,
      notifier,
      operation,
      variable,
    };
    const stored = async () => [
      await store.collaborators.ofApp(appId),
      await store.deployments.get(deployment.id),
      await store.notifiers.ofApp(appId),
      await store.operations.get(operation.id),
      await store.variables.list(appId),
    ];

    const before = await stored();
    const routes = v1Routes(api.service.context).filter(({ path }) => /^\/apps\/:app\/.*:/.test(path));
    const named = new Set(routes.map(({ path }) => resourceIn(path)));
    expect([...named].toSorted()).toEqual(Object.keys(resources));
    for (const route of routes) {
      const resource = resourceIn(route.path);
      const path = route.path
        .replace(":app", other.id)
        .replace(`:${resource}`, resources[resource]?.id ?? "");
      const answer = await api.request(
        owner.token,
        route.method.toUpperCase(),
        `/v1${path}`,
        exampleFor(route),
      );
      expect([route.method, route.path, answer.status, answer.body]).toEqual([
        route.method,
        route.path,
        404,
        { resource, error: `${resource} not found` },
      ]);
    }
    const bulk = { variable_ids: [variable.id] };
    expect((await api.request(owner.token, "DELETE", `/v1/apps/${other.id}/variables`, bulk)).status).toBe(
      204,
    );
    expect(await stored()).toEqual(before);
  });
});

/** The path parameter after the app. */
function resourceIn(path: string): string {
  return /:(\w+)/.exec(path.replace(":app", ""))?.[1] ?? "";
}

/** A valid body. */
function exampleFor({ body }: RouteFacts): unknown {
  const [example] = (body?.meta()?.["examples"] ?? []) as unknown[];
  return example;
}
