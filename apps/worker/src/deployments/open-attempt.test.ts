import { describe, expect, test } from "vitest";
import { changeStatus, failureOf } from "@slipway/core";
import { aNewDeployment, anApp, lacksRedis } from "@slipway/testkit";
import { openTestContext } from "../../test-support/test-context.ts";
import { openAttempt } from "./open-attempt.ts";

describe.skipIf(await lacksRedis())("the start of an attempt", () => {
  test("a deployment that is aborted while its worker opens the log is sealed by that worker", async () => {
    await using opened = new AsyncDisposableStack();
    const context = await openTestContext(opened, { discard: async () => undefined });
    const { store } = context;
    const app = anApp();
    await store.apps.create(app);
    const queued = await store.deployments.create(aNewDeployment({ appId: app.id }));
    const facts = { failure: failureOf({ code: "aborted", message: "by ada" }) };
    const variables = {
      ...store.variables,
      list: async (appId: string) => {
        const at = new Date();
        await store.deployments.compareAndSet(
          changeStatus(queued, "aborted", { at, lineCount: null, facts }),
        );
        return store.variables.list(appId);
      },
    };
    const attempt = await openAttempt(
      { ...context, store: { ...store, variables }, engine: { removeSandboxes: async () => 0 } },
      { type: "deploy", id: queued.id, appId: app.id, attempt: 1, tryNumber: 1 },
      new AbortController().signal,
    );
    expect(attempt).toBeNull();
    expect(await store.deployments.get(queued.id)).toMatchObject({ status: "aborted", logLineCount: 1 });
    const lines = await store.logs.read(queued.id, 1, 100);
    expect(lines.map(({ text }) => text)).toEqual([" !     Aborted: by ada"]);
  });
});
