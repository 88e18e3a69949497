import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { changeApp } from "@slipway/core";
import { lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

const variable = { name: "SECRET", value: "s" };
const webhook = { platform_id: "webhook", name: "ops", type_data: { webhook_url: "https://example.com/" } };

describe.skipIf(await lacksRedis())("a part of an app that is deleted before the part is stored", () => {
  let api: TestApi;
  let ada: TestUser;
  let invited: TestUser;

  beforeAll(async () => {
    api = await startTestApi();
    ada = await api.newUser();
    invited = await api.newUser();
  });
  afterAll(() => api[Symbol.asyncDispose]());
  afterEach(() => vi.restoreAllMocks());

  const remove = async (appId: string, isRemoved: boolean) => {
    const { apps } = api.store;
    const app = await apps.get(appId);
    if (app === null) throw new Error("the app was created");
    await apps.compareAndSet(changeApp(app, new Date(), { deletedAt: new Date() }));
    if (isRemoved) await apps.remove(appId);
  };
  /** Deletes the app when the route reads it for the last time. */
  const removeDuring = (part: "variables" | "notifiers" | "collaborators", isRemoved: boolean) => {
    const { variables, notifiers, collaborators } = api.store;
    const own = api.service.context.store;
    const removed =
      <Read>(read: (appId: string) => Promise<Read>) =>
      async (appId: string) => {
        await remove(appId, isRemoved);
        return read(appId);
      };
    if (part === "variables")
      vi.spyOn(own.variables, "list").mockImplementationOnce(removed((id) => variables.list(id)));
    else if (part === "notifiers")
      vi.spyOn(own.notifiers, "ofApp").mockImplementationOnce(removed((id) => notifiers.ofApp(id)));
    else
      vi.spyOn(own.collaborators, "ofApp").mockImplementationOnce(removed((id) => collaborators.ofApp(id)));
  };
  const partsOf = async (appId: string) => [
    ...(await api.store.variables.list(appId)),
    ...(await api.store.notifiers.ofApp(appId)),
    ...(await api.store.collaborators.ofApp(appId)),
  ];

  test.for([
    ["variables", "PUT", () => ({ variables: [variable] })],
    ["variables", "POST", () => ({ variable })],
    ["notifiers", "POST", () => ({ notifier: webhook })],
    ["collaborators", "POST", () => ({ collaborator: { email: invited.user.email } })],
  ] as const)("a request for %s by %s stores nothing, and gets 404", async ([part, method, body]) => {
    for (const isRemoved of [false, true]) {
      const { id, name } = await api.createApp(ada.token);
      removeDuring(part, isRemoved);
      const answer = await api.request(ada.token, method, `/v1/apps/${name}/${part}`, body());
      expect([answer.status, answer.body]).toMatchObject([404, { resource: "app" }]);
      expect(await partsOf(id)).toEqual([]);
    }
  });
});
