import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { User } from "@slipway/core";
import { aCollaborator, aNewDeployment, anApp, lacksRedis, stepsTo } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

interface Listed {
  readonly deployments: readonly { id: string; app_name: string | null; owner: string | null }[];
  readonly meta: { readonly pagination: { readonly total_count: number } };
}

describe.skipIf(await lacksRedis())("GET /v1/deployments", () => {
  let api: TestApi;
  let ada: TestUser;
  let grace: TestUser;

  beforeAll(async () => {
    api = await startTestApi();
    [ada, grace] = [await api.newUser(), await api.newUser()];
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const deployed = async (owner: User, createdAt: string) => {
    const app = anApp({ ownerId: owner.id });
    await api.store.apps.create(app);
    const wanted = aNewDeployment({ appId: app.id, ownerId: owner.id, createdAt: new Date(createdAt) });
    return { app, deployment: await api.store.deployments.create(wanted) };
  };
  const list = async (query: string, token = api.operatorToken) => {
    const { body, status } = await api.request(token, "GET", `/v1/deployments${query}`);
    expect(status).toBe(200);
    return body as Listed;
  };
  const ids = ({ deployments }: Listed) => deployments.map(({ id }) => id);

  test("operators see the deployments of all apps, others those of their own and shared apps", async () => {
    const first = await deployed(ada.user, "2026-01-01T00:00:00Z");
    const second = await deployed(grace.user, "2026-01-02T00:00:00Z");
    expect(await list("")).toMatchObject({
      deployments: [
        { id: second.deployment.id, app_name: second.app.name, owner: grace.user.username },
        { id: first.deployment.id, app_name: first.app.name, owner: ada.user.username },
      ],
      meta: { pagination: { total_count: 2 } },
    });
    expect(ids(await list("", ada.token))).toEqual([first.deployment.id]);
    expect(ids(await list(`?owner=${grace.user.username}`, ada.token))).toEqual([]);
    expect(ids(await list(`?app=${second.app.name}`, ada.token))).toEqual([]);
    const shared = aCollaborator({ appId: second.app.id, userId: ada.user.id, role: "limited" });
    await api.store.collaborators.create(shared);
    expect(ids(await list("", ada.token))).toEqual([second.deployment.id, first.deployment.id]);
    expect(ids(await list(`?app=${second.app.name}`, ada.token))).toEqual([second.deployment.id]);
  });

  test("the list is filtered by status, owner, app and time, and paged", async () => {
    const { user } = await api.newUser();
    const old = await deployed(user, "2026-02-01T00:00:00Z");
    const failed = await deployed(user, "2026-02-02T00:00:00Z");
    for (const step of stepsTo(failed.deployment, "build-error"))
      expect(await api.store.deployments.compareAndSet(step)).toBe(true);
    const of = `?owner=${user.username}`;
    expect(ids(await list(`${of}&status=build-error,success`))).toEqual([failed.deployment.id]);
    expect(ids(await list(`${of}&status=queued`))).toEqual([old.deployment.id]);
    expect(ids(await list(`${of}&app=${old.app.name}`))).toEqual([old.deployment.id]);
    expect(ids(await list(`${of}&since=2026-02-02T00:00:00Z`))).toEqual([failed.deployment.id]);
    expect(ids(await list(`${of}&per_page=1&page=2`))).toEqual([old.deployment.id]);
    expect(ids(await list(`${of}&app=${old.app.id}`))).toEqual([old.deployment.id]);
    const foreign = await deployed(grace.user, "2026-02-03T00:00:00Z");
    expect(ids(await list(`${of}&app=${foreign.app.name}`))).toEqual([]);
    expect(ids(await list("?app=no-such-app"))).toEqual([]);
    expect(ids(await list("?owner=nobody-of-this-name"))).toEqual([]);
  });

  test.each(["status=broken", "status=", "since=yesterday", "page=0"])("%s is refused", async (query) => {
    const { status } = await api.request(api.operatorToken, "GET", `/v1/deployments?${query}`);
    expect(status).toBe(422);
  });
});
