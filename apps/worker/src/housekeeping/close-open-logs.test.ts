import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeStatus, claim, failureOf } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { openLanes } from "@slipway/queue";
import type { Lanes } from "@slipway/queue";
import { aNewDeployment, anApp, lacksRedis, unexpected } from "@slipway/testkit";
import { openTestContext } from "../../test-support/test-context.ts";
import type { TestContext } from "../../test-support/test-context.ts";
import { closeOpenLogs } from "./close-open-logs.ts";

const endedAt = new Date("2030-01-01T00:00:00Z");

describe.skipIf(await lacksRedis())("an aborted deployment whose log nobody closed", () => {
  let opened: AsyncDisposableStack;
  let context: TestContext<{ discard: () => Promise<void> }>;
  let lanes: Lanes;
  let failures: string[];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    context = await openTestContext(opened, { discard: async () => undefined });
    const { config, keys, store } = context;
    lanes = opened.use(openLanes({ ...store, redisUrl: config.redisUrl, keys, onError: unexpected }));
    failures = [];
  });
  afterEach(() => opened.disposeAsync());

  const close = (sinceMs: number, removeSandboxes: () => Promise<number> = async () => 0) => {
    return closeOpenLogs({
      ...context,
      engine: { removeSandboxes },
      lanes,
      now: () => new Date(endedAt.getTime() + sinceMs),
      onError: (error, message) => failures.push(`${message}: ${(error as Error).message}`),
    });
  };
  const newDeployment = async () => {
    const app = anApp();
    await context.store.apps.create(app);
    return context.store.deployments.create(aNewDeployment({ appId: app.id }));
  };
  const aborted = async (deployment: Deployment) => {
    const facts = { failure: failureOf({ code: "aborted", message: "by ada" }) };
    const next = changeStatus(deployment, "aborted", { at: endedAt, lineCount: null, facts });
    expect(await context.store.deployments.compareAndSet(next)).toBe(true);
    return next;
  };
  const found = (id: string) => context.store.deployments.get(id);
  const logOf = async (id: string) =>
    (await context.store.logs.read(id, 1, 100)).map(({ text }) => text).join("\n");

  test("a deployment that waited or ran, and has no job, is sealed with the reason a lease after its end", async () => {
    const { leaseMs } = context.config.timing;
    const waiting = await aborted(await newDeployment());
    const claimed = claim(await newDeployment(), 1, { at: endedAt, lineCount: 0 });
    expect(await context.store.deployments.compareAndSet(claimed)).toBe(true);
    const ran = await aborted(claimed);
    await close(leaseMs - 1);
    for (const { id } of [waiting, ran]) expect((await found(id))?.logSha256).toBeNull();
    await close(leaseMs);
    await close(leaseMs);
    for (const { id } of [waiting, ran]) {
      expect(await found(id)).toMatchObject({
        status: "aborted",
        logLineCount: 1,
        logSha256: expect.any(String),
      });
      expect(await logOf(id)).toBe(" !     Aborted: by ada");
    }
    expect(failures).toEqual([]);
  });

  test("a deployment that has a job is left to its worker", async () => {
    const { leaseMs } = context.config.timing;
    const deployment = await newDeployment();
    await lanes.advance(deployment.appId);
    await aborted(deployment);
    await close(leaseMs);
    expect((await found(deployment.id))?.logSha256).toBeNull();
    expect(await lanes.abort(deployment)).toBe(false);
    await close(leaseMs);
    expect((await found(deployment.id))?.logSha256).not.toBeNull();
  });

  test("a deployment that cannot be sealed does not prevent others from being sealed; one of a deleted app is skipped", async () => {
    const { leaseMs } = context.config.timing;
    const deployments: Deployment[] = [];
    for (let count = 0; count < 3; count += 1) deployments.push(await aborted(await newDeployment()));
    const ofDeleted = deployments.at(-1);
    const app = await context.store.apps.get(ofDeleted?.appId ?? "");
    if (app === null) throw new Error("the app was created");
    expect(
      await context.store.apps.compareAndSet({ ...app, deletedAt: endedAt, revision: app.revision + 1 }),
    ).toBe(true);
    let calls = 0;
    await close(leaseMs, async () => {
      calls += 1;
      if (calls === 1) throw new Error("the engine is unavailable");
      return 0;
    });
    const sealed = async () =>
      (await Promise.all(deployments.map(({ id }) => found(id)))).map((one) => one?.logSha256 !== null);
    expect((await sealed()).filter(Boolean)).toHaveLength(1);
    expect(failures).toEqual([
      expect.stringMatching(/^cannot close the log of .*: the engine is unavailable$/),
    ]);
    await close(leaseMs);
    expect(await sealed()).toEqual([true, true, false]);
  });
});
