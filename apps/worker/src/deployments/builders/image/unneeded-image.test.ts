import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { anApp, lacksRedis } from "@slipway/testkit";
import { openTestContext, type TestContext } from "../../../../test-support/test-context.ts";
import { waitForRemoval } from "./unneeded-image.ts";

describe.skipIf(await lacksRedis())("an image whose earlier copy is removed", () => {
  let opened: AsyncDisposableStack;
  let context: TestContext;
  const app = anApp();
  const requested = Promise.withResolvers<unknown>();

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    context = await openTestContext(opened, {});
  });
  afterEach(() => opened.disposeAsync());

  function wait(digest: string, lines: string[], signal = new AbortController().signal) {
    const housekeeping = { request: async (job: unknown) => requested.resolve(job) };
    const lease = { deployment: { id: "d" } };
    const log = { line: (text: string) => void lines.push(text) };
    return waitForRemoval({ ...context, housekeeping }, { app, lease, log, signal }, digest);
  }

  test("is named only when the removal that it requests has ended", async () => {
    const lines: string[] = [];
    const key = context.keys.imagesUnneeded(app.id);
    await context.redis.sadd(key, "sha256:a");
    await wait("sha256:b", lines);
    expect(lines).toEqual([]);
    const order: string[] = [];
    const waiting = wait("sha256:a", lines).then(() => order.push("named"));
    expect(await requested.promise).toEqual({ type: "prune-images", appId: app.id });
    order.push("removed");
    await context.redis.srem(key, "sha256:a");
    await waiting;
    expect(order).toEqual(["removed", "named"]);
    expect(lines).toEqual(["       Waiting until an earlier copy of the image is removed"]);
  });

  test("stops waiting when the attempt is aborted", async () => {
    await context.redis.sadd(context.keys.imagesUnneeded(app.id), "sha256:a");
    const reason = new Error("aborted");
    await expect(wait("sha256:a", [], AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
