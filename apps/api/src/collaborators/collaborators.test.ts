import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { App } from "@slipway/core";
import { anApp, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("collaborators", () => {
  let api: TestApi;
  let owner: TestUser;
  let app: App;

  beforeAll(async () => {
    api = await startTestApi();
    owner = await api.newUser();
    app = anApp({ name: "demo", ownerId: owner.user.id });
    await api.store.apps.create(app);
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const request = (token: string, method: string, path = "", body?: unknown) =>
    api.request(token, method, `/v1/apps/demo${path}`, body);
  const invite = (email: string, more: object = {}) =>
    request(owner.token, "POST", "/collaborators", { collaborator: { email, ...more } });

  test("collaborators may use the app from the moment they are added until they are removed", async () => {
    const grace = await api.newUser();
    await api.store.apps.create(anApp({ name: "zeta", ownerId: grace.user.id }));
    expect((await request(grace.token, "GET")).status).toBe(404);
    const added = await invite(grace.user.email.toUpperCase());
    const shown = {
      id: expect.any(String) as string,
      app_id: app.id,
      user_id: grace.user.id,
      username: grace.user.username,
      email: grace.user.email,
      status: "accepted",
      is_limited: false,
    };
    expect([added.status, added.body]).toEqual([201, { collaborator: { ...shown, invitation_link: "" } }]);
    const { id } = (added.body as { collaborator: { id: string } }).collaborator;
    expect((await request(grace.token, "GET", "/collaborators")).body).toEqual({ collaborators: [shown] });
    const names = ((await api.request(grace.token, "GET", "/v1/apps")).body as { apps: App[] }).apps;
    expect(names.map(({ name }) => name)).toEqual(["demo", "zeta"]);
    expect((await request(grace.token, "GET", "/variables")).status).toBe(200);

    const limited = { collaborator: { is_limited: true } };
    const changed = await request(owner.token, "PATCH", `/collaborators/${id}`, limited);
    expect([changed.status, changed.body]).toEqual([200, { collaborator: { ...shown, is_limited: true } }]);
    expect(await request(grace.token, "GET", "/variables")).toMatchObject({
      status: 403,
      body: {
        code: "forbidden",
        error: "your role, limited, lacks the permission variables:read: ask the app's owner or an operator",
      },
    });
    expect((await request(grace.token, "GET", "/deployments")).status).toBe(200);

    expect((await request(owner.token, "DELETE", `/collaborators/${id}`)).status).toBe(204);
    expect((await request(owner.token, "DELETE", `/collaborators/${id}`)).body).toMatchObject({
      resource: "collaborator",
    });
    expect((await request(grace.token, "GET")).status).toBe(404);
  });

  test("collaborators must be users of this installation, not the owner, and not collaborators already", async () => {
    expect((await invite("nobody@example.com")).body).toMatchObject({
      errors: { email: [expect.stringContaining("no user here")] },
    });
    expect((await invite(owner.user.email)).body).toMatchObject({
      errors: { email: ["belongs to the app's owner"] },
    });
    const { user } = await api.newUser();
    expect((await invite(user.email, { is_limited: true })).body).toMatchObject({
      collaborator: { is_limited: true },
    });
    expect((await invite(user.email)).status).toBe(409);
  });

  test("collaborators belong to one app only, and are deleted with their user", async () => {
    const { user } = await api.newUser();
    const { body } = await invite(user.email);
    const { id } = (body as { collaborator: { id: string } }).collaborator;
    const other = await api.newUser();
    await api.store.apps.create(anApp({ name: "other", ownerId: other.user.id }));
    for (const method of ["PATCH", "DELETE"]) {
      const change = { collaborator: { is_limited: true } };
      const { status } = await api.request(other.token, method, `/v1/apps/other/collaborators/${id}`, change);
      expect(status).toBe(404);
    }
    expect((await api.request(api.operatorToken, "DELETE", `/v1/users/${user.id}`)).status).toBe(204);
    expect((await request(owner.token, "GET", "/collaborators")).text).not.toContain(id);
  });
});
