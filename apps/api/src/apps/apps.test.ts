import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cacheBlobKey, cacheBlobPrefix, changeStatus } from "@slipway/core";
import type { AppAnswer, AppsAnswer } from "@slipway/protocol";
import { aCollaborator, aName, aNewDeployment, anApp, lacksRedis, stepsTo } from "@slipway/testkit";
import { blobSize, startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("apps", () => {
  let api: TestApi;
  let ada: TestUser;
  let bob: typeof ada;

  beforeAll(async () => {
    api = await startTestApi();
    [ada, bob] = [await api.newUser(), await api.newUser()];
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const create = (name: string, token = ada.token) =>
    api.request(token, "POST", "/v1/apps", { app: { name, git_source: null } });
  const created = async (name = aName()) => ((await create(name)).body as AppAnswer).app;
  const appNotFound = { resource: "app", error: "app not found" };

  test("apps are created, shown by name and by id, and listed by name", async () => {
    const answer = await create("beta");
    expect(answer.status).toBe(201);
    const { app } = answer.body as AppAnswer;
    await create("alpha");
    expect(app).toMatchObject({ name: "beta", status: "new", owner: { username: ada.user.username } });
    for (const path of ["/v1/apps/beta?", `/v1/apps/${app.id}`]) {
      const shown = await api.request(ada.token, "GET", path);
      expect([shown.status, shown.body]).toEqual([200, { app }]);
    }
    const { apps } = (await api.request(ada.token, "GET", "/v1/apps")).body as AppsAnswer;
    expect(apps.map(({ name }) => name)).toEqual(["alpha", "beta"]);
  });

  test("apps show their latest deployment, also in the list", async () => {
    const { id: appId, name } = await created();
    const other = await created();
    await api.store.deployments.create(aNewDeployment({ appId, gitRef: "v1" }));
    const { id } = await api.store.deployments.create(aNewDeployment({ appId, gitRef: "v2" }));
    const latest = { id, status: "queued", git_ref: "v2", finished_at: null };
    const shown = await api.request(ada.token, "GET", `/v1/apps/${name}`);
    expect(shown.body).toMatchObject({ app: { last_deployment: latest } });
    const { apps } = (await api.request(ada.token, "GET", "/v1/apps")).body as AppsAnswer;
    const lastOf = new Map(apps.map((app) => [app.name, app.last_deployment]));
    expect(lastOf.get(name)).toMatchObject(latest);
    expect(lastOf.get(other.name)).toBeNull();
  });

  test("the whole list contains every app once, also the shared ones, however many there are", async () => {
    const { user, token } = await api.newUser();
    const wanted: string[] = [];
    for (let index = 0; index < 250; index += 1) {
      const app = anApp({ ownerId: user.id });
      await api.store.apps.create(app);
      wanted.push(app.name);
    }
    const shared = await created();
    await api.store.collaborators.create(
      aCollaborator({ appId: shared.id, userId: user.id, role: "limited" }),
    );
    wanted.push(shared.name);
    const listOf = async (of: string) => (await api.request(of, "GET", "/v1/apps")).body as AppsAnswer;
    const own = await listOf(token);
    expect(Object.keys(own)).toEqual(["apps"]);
    expect(own.apps.map(({ name }) => name)).toEqual(wanted.toSorted());
    expect(own.apps.find(({ id }) => id === shared.id)).toEqual(shared);
    const all = (await listOf(api.operatorToken)).apps.map(({ name }) => name);
    expect(all).toEqual([...new Set(all)].toSorted());
    expect(all).toEqual(expect.arrayContaining(wanted));
  });

  test("the list has pages and a search by name, of the user's apps only", async () => {
    const { token } = await api.newUser();
    const word = aName();
    for (const end of ["c", "a", "b"]) await create(`x-${word}-${end}`, token);
    await create(`${word}-d`);
    const list = async (query: string, of = token) => {
      const { body } = await api.request(of, "GET", `/v1/apps?${query}`);
      const { apps, meta } = body as AppsAnswer;
      return { names: apps.map(({ name }) => name), pagination: meta?.pagination };
    };
    expect(await list("page=2&per_page=2")).toEqual({
      names: [`x-${word}-c`],
      pagination: { current_page: 2, prev_page: 1, next_page: null, total_pages: 2, total_count: 3 },
    });
    expect((await list(`name=${word}-b`)).names).toEqual([`x-${word}-b`]);
    expect((await list(`name=${word}`, api.operatorToken)).names).toEqual([
      `${word}-d`,
      ...["a", "b", "c"].map((end) => `x-${word}-${end}`),
    ]);
    expect(await list("name=%25")).toMatchObject({ names: [], pagination: { total_count: 0 } });
    for (const wrong of ["page=0", "per_page=101", "name=a&name=b"])
      expect((await api.request(token, "GET", `/v1/apps?${wrong}`)).status).toBe(422);
  });

  test("apps with an invalid name get 422, and apps with a taken name 409", async () => {
    const bad = await create("No!");
    expect([bad.status, bad.body]).toEqual([
      422,
      { errors: { name: [expect.stringContaining("lower-case")] }, error: expect.stringContaining("name") },
    ]);
    const none = await api.request(ada.token, "POST", "/v1/apps", {});
    expect([none.status, none.body]).toEqual([
      422,
      { errors: { app: ["is required"] }, error: "app is required" },
    ]);
    await create("taken");
    const taken = await create("taken", bob.token);
    expect([taken.status, taken.body]).toEqual([409, { error: expect.any(String) }]);
  });

  test("apps of a dry run are answered as if created, but are not created", async () => {
    const dryRun = async (name: string, value: string) => {
      const headers = {
        authorization: `Bearer ${ada.token}`,
        "content-type": "application/json",
        "x-dry-run": value,
      };
      const body = JSON.stringify({ app: { name } });
      const answer = await fetch(`${api.url}/v1/apps`, { method: "POST", headers, body });
      return { status: answer.status, body: (await answer.json()) as AppAnswer };
    };
    const name = aName();
    expect(await dryRun(name, "true")).toMatchObject({ status: 201, body: { app: { name, status: "new" } } });
    expect((await dryRun("No!", "true")).status).toBe(422);
    expect((await dryRun(name, "yes")).status).toBe(422);
    expect(await api.store.apps.byName(name)).toBeNull();
    expect((await dryRun(name, "false")).status).toBe(201);
    expect((await dryRun(name, "true")).status).toBe(409);
  });

  test("apps have a builder, which a change sets alone, and a builder image", async () => {
    const { name, builder } = await created();
    expect(builder).toBe("auto");
    const change = (app: unknown) => api.request(ada.token, "PATCH", `/v1/apps/${name}`, { app });
    expect((await change({ concurrency_policy: "reject" })).body).toMatchObject({ app: { builder: "auto" } });
    const expected = { app: { builder: "dockerfile", concurrency_policy: "reject" } };
    expect((await change({ builder: "dockerfile" })).body).toMatchObject(expected);
    expect((await api.request(ada.token, "GET", `/v1/apps/${name}`)).body).toMatchObject(expected);
    const cnb = { builder: "cnb", builder_image: "heroku/builder:24" };
    expect((await change(cnb)).body).toMatchObject({ app: cnb });
    expect((await change({ builder_image: null })).body).toMatchObject({ app: { builder_image: null } });
    const { body: listed } = await api.request(ada.token, "GET", "/v1/features/stacks");
    expect(listed).toMatchObject({ stacks: [{ id: "default", default: true, deprecated_at: null }] });
    expect((await change({ stack_id: "default" })).body).toMatchObject({ app: { stack_id: "default" } });
    for (const wrong of [
      { stack_id: "x" },
      { builder: "heroku" },
      { builder: null },
      { builder_image: "no image" },
      {},
    ])
      expect((await change(wrong)).status).toBe(422);
  });

  test("apps of other users are not found, except by operators", async () => {
    const { id, name } = await created();
    for (const path of [id, name, "unknown"]) {
      for (const rest of ["", "/deployments", "/variables", "/deployments/x/output"]) {
        const { status, body } = await api.request(bob.token, "GET", `/v1/apps/${path}${rest}`);
        expect([status, body]).toEqual([404, appNotFound]);
      }
    }
    expect((await api.request(bob.token, "DELETE", `/v1/apps/${name}?current_name=${name}`)).status).toBe(
      404,
    );
    expect((await api.request(bob.token, "GET", "/v1/apps")).body).toEqual({ apps: [] });
    expect((await api.request(api.operatorToken, "GET", `/v1/apps/${name}`)).status).toBe(200);
    const all = (await api.request(api.operatorToken, "GET", "/v1/apps")).body as AppsAnswer;
    expect(all.apps.map((app) => app.id)).toContain(id);
  });

  test("apps named after another app's id do not replace that app", async () => {
    const victim = await created();
    // An id that begins with a letter is also a valid name.
    const id = `a${randomUUID().slice(1)}`;
    const stored = await api.store.apps.get(victim.id);
    if (stored === null) throw new Error("the app is not stored");
    await api.store.apps.create({ ...stored, id, name: aName() });
    expect((await create(id, bob.token)).status).toBe(201);
    expect(((await api.request(ada.token, "GET", `/v1/apps/${id}`)).body as AppAnswer).app.id).toBe(id);
  });

  test("apps are deleted when current_name matches: at once, with deployments aborted and the name free", async () => {
    const { id, name } = await created();
    const queued = await api.store.deployments.create(aNewDeployment({ appId: id }));
    const running = await api.store.deployments.create(aNewDeployment({ appId: id }));
    const last = await api.store.deployments.create(aNewDeployment({ appId: id }));
    for (const step of stepsTo(running, "pushing")) await api.store.deployments.compareAndSet(step);

    for (const query of ["", "?current_name=other", `?current_name=${name}&current_name=${name}`]) {
      const refused = await api.request(ada.token, "DELETE", `/v1/apps/${name}${query}`);
      expect([refused.status, refused.body]).toEqual([
        422,
        { errors: { current_name: [expect.any(String)] }, error: expect.stringContaining("current_name") },
      ]);
    }
    const deleted = await api.request(ada.token, "DELETE", `/v1/apps/${name}?current_name=${name}`);
    expect([deleted.status, deleted.text]).toEqual([204, ""]);

    expect((await api.request(ada.token, "GET", `/v1/apps/${name}`)).status).toBe(404);
    expect((await api.request(ada.token, "GET", `/v1/apps/${id}`)).status).toBe(404);
    expect((await api.request(ada.token, "GET", `/v1/deployments/${queued.id}/output`)).status).toBe(404);
    for (const deployment of [queued, running, last]) {
      expect(await api.store.deployments.get(deployment.id)).toMatchObject({
        status: "aborted",
        failure: { code: "aborted", message: "the app was deleted" },
        logLineCount: deployment === running ? null : 0,
      });
    }
    expect((await create(name)).status).toBe(201);
  });

  test("a deployment whose release is already live is not aborted when its app is deleted", async () => {
    const { id, name } = await created();
    const deployment = await api.store.deployments.create(aNewDeployment({ appId: id }));
    const steps = stepsTo(deployment, "success");
    for (const step of steps.slice(0, -1)) await api.store.deployments.compareAndSet(step);
    expect((await api.request(ada.token, "DELETE", `/v1/apps/${name}?current_name=${name}`)).status).toBe(
      204,
    );
    expect(await api.store.deployments.get(deployment.id)).toMatchObject({ status: "starting" });
  });

  test("apps abort requeued deployments when they are deleted", async () => {
    const { id, name } = await created();
    const deployment = await api.store.deployments.create(aNewDeployment({ appId: id }));
    const [building] = stepsTo(deployment, "building");
    if (building === undefined) throw new Error("no transition leads to building");
    const requeued = changeStatus(building, "queued", { at: new Date(), lineCount: 3 });
    for (const step of [building, requeued]) await api.store.deployments.compareAndSet(step);
    expect((await api.request(ada.token, "DELETE", `/v1/apps/${name}?current_name=${name}`)).status).toBe(
      204,
    );
    const aborted = await api.store.deployments.get(deployment.id);
    expect(aborted).toMatchObject({ status: "aborted", logLineCount: null });
    expect(aborted?.history.at(-1)?.lineCount).toBeNull();
  });

  test("apps delete their build cache", async () => {
    const { id, name } = await created();
    const key = cacheBlobKey(id, 1, "stack");
    await api.blobs.put(
      key,
      (async function* () {
        yield Buffer.from("cached");
      })(),
    );
    expect((await api.request(bob.token, "DELETE", `/v1/apps/${name}/caches/deployment`)).status).toBe(404);
    expect(await blobSize(api.blobs, key)).toBe(6);
    const answer = await api.request(ada.token, "DELETE", `/v1/apps/${name}/caches/deployment`);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect(await blobSize(api.blobs, key)).toBeNull();
    expect(key.startsWith(cacheBlobPrefix(id))).toBe(true);
    expect(await api.store.apps.get(id)).toMatchObject({ cacheVersion: 2 });
  });
});
