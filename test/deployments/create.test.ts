import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { changeApp } from "@slipway/core";
import type { App, Store } from "@slipway/core";
import { completeCreation, createDeployment } from "@slipway/deployments";
import type { LaneContext } from "@slipway/deployments";
import { openStore } from "@slipway/store";
import { aNewDeployment, anApp, testTime } from "@slipway/testkit";

let opened: AsyncDisposableStack;
let store: Store;
let app: App;
/** Ids of the apps whose lanes were advanced. */
let advanced: string[];
let context: LaneContext;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-create-"))).path;
  store = opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` }));
  app = anApp();
  await store.apps.create(app);
  advanced = [];
  context = {
    store,
    now: () => testTime,
    events: {
      created: async () => undefined,
      statusChanged: async () => undefined,
      phaseChanged: async () => undefined,
    },
    closeLog: () => Promise.reject(new Error("unexpected log")),
    notify: (_action, call) => call(),
    lanes: {
      advance: async (appId) => void advanced.push(appId),
      advanceAfter: async () => undefined,
      abort: async () => false,
      requestRemoval: async () => undefined,
    },
  };
});
afterEach(() => opened.disposeAsync());

test("a created deployment is queued, and its lane advanced", async () => {
  const request = aNewDeployment({ appId: app.id });
  expect(await createDeployment(context, app, request, 10)).toMatchObject({ status: "queued", number: 1 });
  expect(advanced).toEqual([app.id]);
});

test("a deployment of an app that was deleted meanwhile is aborted, and its request fails", async () => {
  const request = aNewDeployment({ appId: app.id });
  await store.apps.compareAndSet(changeApp(app, testTime, { deletedAt: testTime }));
  await expect(createDeployment(context, app, request, 10)).rejects.toMatchObject({ code: "not-found" });
  expect(await store.deployments.get(request.id)).toMatchObject({ status: "aborted" });
});

test("a repeated request completes what the first one did not supersede", async () => {
  const superseding = { ...app, concurrencyPolicy: "supersede" } as const;
  context = { ...context, closeLog: async () => ({ lineCount: 1, sha256: "" }) };
  const earlier = await store.deployments.create(aNewDeployment({ appId: app.id }));
  // The state after a request whose process ended here.
  const stored = await store.deployments.create(aNewDeployment({ appId: app.id }));
  await completeCreation(context, app, stored);
  expect((await store.deployments.get(earlier.id))?.status).toBe("queued");
  await completeCreation(context, superseding, stored);
  expect((await store.deployments.get(earlier.id))?.status).toBe("aborted");
  expect((await store.deployments.get(stored.id))?.status).toBe("queued");
});
