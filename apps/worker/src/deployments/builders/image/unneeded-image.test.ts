import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { holdRegistryWrites, openRegistryWrites } from "@slipway/bus";
import { anApp, eventually, lacksRedis, unexpected } from "@slipway/testkit";
import { openTestContext, type TestContext } from "../../../../test-support/test-context.ts";
import { waitForRemoval } from "./unneeded-image.ts";

describe.skipIf(await lacksRedis())("a copied image whose earlier copy is removed", () => {
  let opened: AsyncDisposableStack;
  let context: TestContext;
  const app = anApp();
  const requested = Promise.withResolvers<unknown>();

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    context = await openTestContext(opened, {});
  });
  afterEach(() => opened.disposeAsync());

  function wait(digest: string, lines: string[], signal = new AbortController().signal, limitMs?: number) {
    const housekeeping = { request: async (job: unknown) => requested.resolve(job) };
    const lease = { deployment: { id: "d" } };
    const log = { line: (text: string) => void lines.push(text) };
    const { redis, keys } = context;
    const registryWrites = openRegistryWrites({ redis, keys, onError: unexpected });
    const attempt = { app, lease, log, signal };
    return waitForRemoval({ ...context, housekeeping, registryWrites }, attempt, digest, limitMs);
  }

  test("a copied image is named only when the removal that it requests has ended", async () => {
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

  test("a copied image waits longer than its limit while a garbage collection delays the removal, and the log says so", async () => {
    const lines: string[] = [];
    const { redis, keys } = context;
    await redis.sadd(keys.imagesUnneeded(app.id), "sha256:a");
    const hold = await holdRegistryWrites(redis, keys);
    const waiting = wait("sha256:a", lines, undefined, 0);
    const outcome = waiting.then(
      () => "removed",
      (error: unknown) => error,
    );
    await eventually(async () => lines.length === 2);
    expect(lines[1]).toContain("garbage is being collected, which delays the removal");
    await redis.srem(keys.imagesUnneeded(app.id), "sha256:a");
    expect(await outcome).toBe("removed");
    await hold?.[Symbol.asyncDispose]();
    await redis.sadd(keys.imagesUnneeded(app.id), "sha256:a");
    await expect(wait("sha256:a", lines, undefined, 0)).rejects.toMatchObject({
      code: "registry-unavailable",
    });
  });

  test("a copied image stops waiting for the removal when the attempt is aborted", async () => {
    await context.redis.sadd(context.keys.imagesUnneeded(app.id), "sha256:a");
    const reason = new Error("aborted");
    await expect(wait("sha256:a", [], AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
