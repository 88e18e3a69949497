import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { maxNotifiers } from "@slipway/core";
import { platformsAnswer } from "@slipway/protocol";
import type { NotifierBody } from "@slipway/protocol";
import { aDelivery, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

const url = "https://example.com/hooks";

describe.skipIf(await lacksRedis())("notifiers", () => {
  let api: TestApi;
  let ada: TestUser;
  let base: string;

  beforeAll(async () => {
    api = await startTestApi();
    ada = await api.newUser();
    base = `/v1/apps/${(await api.createApp(ada.token)).name}/notifiers`;
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const request = (method: string, path = "", notifier?: unknown) =>
    api.request(ada.token, method, base + path, notifier === undefined ? undefined : { notifier });
  const create = async (fields: Record<string, unknown> = {}): Promise<NotifierBody> => {
    const answer = await request("POST", "", {
      platform_id: "webhook",
      name: "ops",
      type_data: { webhook_url: url },
      ...fields,
    });
    return (answer.body as { notifier: NotifierBody }).notifier;
  };

  test("notifiers are created with a secret that is shown once, changed and deleted", async () => {
    const created = await create();
    expect(created).toMatchObject({
      active: true,
      send_all_events: true,
      selected_event_ids: [],
      type: "webhook",
    });
    expect(created.type_data.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { notifier: shown } = (await request("GET", `/${created.id}`)).body as { notifier: NotifierBody };
    expect(shown.type_data).toEqual({ webhook_url: url });
    const change = { active: false, selected_event_ids: ["deployment_failed"] };
    expect((await request("PATCH", `/${created.id}`, change)).body).toMatchObject({
      notifier: {
        active: false,
        send_all_events: false,
        selected_event_ids: ["deployment_failed"],
        name: "ops",
      },
    });
    const stored = (await api.store.notifiers.ofApp(created.app_id))[0];
    expect(stored?.target).toMatchObject({ secret: created.type_data.secret });
    expect((await request("DELETE", `/${created.id}`)).status).toBe(204);
    expect((await request("DELETE", `/${created.id}`)).status).toBe(404);
  });

  test("notifiers get no events if none are selected, and all events if the request names none", async () => {
    const cases: readonly [Record<string, unknown>, boolean, readonly string[]][] = [
      [{}, true, []],
      [{ send_all_events: true, selected_event_ids: ["deployment_failed"] }, true, []],
      [{ send_all_events: false }, false, []],
      [{ selected_event_ids: [] }, false, []],
      [{ send_all_events: false, selected_event_ids: ["deployment_failed"] }, false, ["deployment_failed"]],
    ];
    for (const [fields, all, selected] of cases) {
      const created = await create(fields);
      expect([fields, created.send_all_events, created.selected_event_ids]).toEqual([fields, all, selected]);
      await request("DELETE", `/${created.id}`);
    }
  });

  test("notifiers have platforms that can be listed and searched by name without a token", async () => {
    const get = async (path: string) => {
      const answer = await fetch(`${api.url}/v1/notification_platforms${path}`);
      return { status: answer.status, body: await answer.json() };
    };
    const all = await get("");
    const { notification_platforms: platforms } = platformsAnswer.strict().parse(all.body);
    expect([all.status, platforms.map(({ name }) => name)]).toEqual([200, ["webhook", "github"]]);
    for (const platform of platforms) {
      expect(await get(`/search?name=${platform.name}`)).toEqual({
        status: 200,
        body: { notification_platforms: [platform] },
      });
    }
    for (const name of ["slack", "web", "", "constructor"]) {
      expect(await get(`/search?name=${name}`)).toEqual({
        status: 200,
        body: { notification_platforms: [] },
      });
    }
    expect(await get("/search")).toEqual(all);
    expect(await get("/search?name=webhook&name=github")).toMatchObject({
      status: 422,
      body: { errors: { name: ["must be given once"] } },
    });
  });

  test("notifiers reject missing fields of their platform and unknown events", async () => {
    const wrong: readonly [Record<string, unknown>, string][] = [
      [{ type_data: {} }, "type_data.webhook_url"],
      [{ type_data: { webhook_url: "ftp://example.com" } }, "type_data.webhook_url"],
      [{ platform_id: "github", type_data: {} }, "type_data.token"],
      [{ platform_id: "pigeon" }, "platform_id"],
      [{ selected_event_ids: ["nothing"] }, "selected_event_ids.0"],
      [{ name: "" }, "name"],
    ];
    for (const [fields, field] of wrong) {
      const answer = await request("POST", "", {
        platform_id: "webhook",
        name: "x",
        type_data: { webhook_url: url },
        ...fields,
      });
      expect([field, answer.status, answer.body]).toMatchObject([
        field,
        422,
        { errors: { [field]: [expect.any(String)] } },
      ]);
    }
  });

  test("notifiers never show the GitHub token, and have a maximum number per app", async () => {
    const github = await create({ platform_id: "github", type_data: { token: "ghp_s3cret" } });
    expect(github.type_data).toEqual({});
    const listed = await request("GET");
    expect(listed.text).not.toContain("s3cret");
    const before = (listed.body as { notifiers: unknown[] }).notifiers.length;
    for (let count = before; count < maxNotifiers; count += 1) await create();
    const full = await request("POST", "", { platform_id: "github", name: "x", type_data: { token: "t" } });
    expect(full.status).toBe(409);
  });

  test("notifiers list their deliveries", async () => {
    const [notifier] = ((await request("GET")).body as { notifiers: NotifierBody[] }).notifiers;
    const at = new Date("2026-02-03T04:05:06.789Z");
    const attempts = [{ at, durationMs: 12, status: 500, error: "answered with status 500" }];
    const delivery = aDelivery({ notifierId: notifier?.id ?? "", state: "failed", attempts });
    await api.store.deliveries.put(delivery);
    expect((await request("GET", `/${notifier?.id}/deliveries`)).body).toEqual({
      deliveries: [
        {
          id: delivery.id,
          event: "deployment_succeeded",
          deployment_id: delivery.deploymentId,
          state: "failed",
          created_at: delivery.createdAt.toISOString(),
          attempts: [
            { at: at.toISOString(), duration_ms: 12, status: 500, error: "answered with status 500" },
          ],
        },
      ],
    });
  });
});
