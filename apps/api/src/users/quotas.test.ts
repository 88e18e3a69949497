import { describe, expect, test } from "vitest";
import type { SourceAnswer } from "@slipway/protocol";
import { aName, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { Answer, TestApi } from "../../test-support/api.ts";

const limits = {
  MAX_APPS_PER_USER: "3",
  MAX_CONTAINERS_PER_USER: "5",
  MAX_SOURCES_PER_USER: "2",
  MAX_SOURCES_MB_PER_USER: "1",
};
const mebi = 1024 ** 2;
const exceeded = (error: string) => ({ code: "quota-exceeded", error });
const statuses = (answers: readonly { readonly status: number }[]) =>
  answers.map(({ status }) => status).toSorted((a, b) => a - b);

describe.skipIf(await lacksRedis())("quotas of a user", () => {
  const started = async (settings: Readonly<Record<string, string>> = limits) => {
    const api = await startTestApi(settings);
    const { token, user } = await api.newUser();
    const createApp = (name = aName()) => api.request(token, "POST", "/v1/apps", { app: { name } });
    const scale = (app: string, amount: number) =>
      api.request(token, "POST", `/v1/apps/${app}/scale`, { containers: [{ name: "web", amount }] });
    const createSource = () => api.request(token, "POST", "/v1/sources", {});
    return { api, token, user, createApp, scale, createSource };
  };
  const quotasOf = async (api: TestApi, token: string) => {
    const { body } = await api.request(token, "GET", "/v1/users/self");
    return (body as { user: { quotas: unknown } }).user.quotas;
  };
  const put = (source: Answer, bytes: number) =>
    fetch((source.body as SourceAnswer).source.upload_url, { method: "PUT", body: new Uint8Array(bytes) });

  test("a user's quotas hold for concurrent creates of apps, and for a dry run", async () => {
    const { api, token, createApp } = await started();
    await using _ = api;
    const answers = await Promise.all(Array.from({ length: 8 }, () => createApp()));
    expect(statuses(answers)).toEqual([201, 201, 201, 403, 403, 403, 403, 403]);
    const error = "a user may own 3 apps; delete one";
    expect(answers.find(({ status }) => status === 403)?.body).toEqual(exceeded(error));
    const dryRun = await fetch(new URL("/v1/apps", api.url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "x-dry-run": "true" },
      body: JSON.stringify({ app: { name: aName() } }),
    });
    expect([dryRun.status, await dryRun.json()]).toEqual([403, exceeded(error)]);
  });

  test("a user's quotas hold for concurrent scalings of several apps, also by a collaborator", async () => {
    const { api, user, createApp, scale } = await started();
    await using _ = api;
    const names = [aName(), aName()];
    for (const name of names) expect((await createApp(name)).status).toBe(201);
    const operator = await api.newUser({ operator: true });
    for (const app of await api.store.apps.after({ ownerId: user.id, otherIds: [] }, "", 2)) {
      await api.store.apps.compareAndSet({ ...app, currentReleaseId: "release", revision: 2 });
    }
    const [own, foreign] = await Promise.all([
      scale(names[0] ?? "", 4),
      api.request(operator.token, "POST", `/v1/apps/${names[1]}/scale`, {
        containers: [{ name: "web", amount: 4 }],
      }),
    ]);
    expect(statuses([own, foreign])).toEqual([202, 403]);
    expect([own, foreign].find(({ status }) => status === 403)?.body).toEqual(
      exceeded(
        "the apps of a user may have 5 containers in all, and a new app counts as one; scale an app down",
      ),
    );
    expect((await createApp()).status).toBe(403);
    expect((await scale(names[0] ?? "", 0)).status).toBe(202);
  });

  test("a user's quotas hold for sources and for the bytes of concurrent uploads", async () => {
    const { api, createSource } = await started();
    await using _ = api;
    const sources = await Promise.all([createSource(), createSource(), createSource(), createSource()]);
    expect(statuses(sources)).toEqual([201, 201, 403, 403]);
    expect(sources.find(({ status }) => status === 403)?.body).toEqual(
      exceeded("a user may have 2 sources; wait until some expire"),
    );
    const created = sources.filter(({ status }) => status === 201);
    const error = `the archives of a user's sources may have ${mebi} bytes in all; wait until some sources expire`;
    const declared = await put(created[0] as Answer, mebi + 1);
    expect([declared.status, await declared.json()]).toEqual([403, exceeded(error)]);
    const uploads = await Promise.all(created.map((source) => put(source, 0.75 * mebi)));
    expect(statuses(uploads)).toEqual([200, 403]);
    expect(await uploads.find(({ status }) => status === 403)?.json()).toEqual(exceeded(error));
    expect(api.errors).toEqual([]);
  });

  test("a user sees the quotas and what of them is used; an operator has none", async () => {
    const { api, token, createApp, createSource } = await started();
    await using _ = api;
    await createApp();
    await put(await createSource(), 1_000);
    expect(await quotasOf(api, token)).toEqual({
      apps: { used: 1, limit: 3 },
      containers: { used: 1, limit: 5 },
      sources: { used: 1, limit: 2 },
      source_bytes: { used: 1_000, limit: mebi },
    });
    expect(await quotasOf(api, (await api.newUser({ operator: true })).token)).toMatchObject({
      apps: { used: 0, limit: null },
      source_bytes: { used: 0, limit: null },
    });
  });

  test("a quota of 0 means no limit", async () => {
    const { api, token, createApp } = await started({ MAX_APPS_PER_USER: "0" });
    await using _ = api;
    expect((await createApp()).status).toBe(201);
    expect(await quotasOf(api, token)).toMatchObject({ apps: { used: 1, limit: null } });
  });
});
