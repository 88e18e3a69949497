// Redis and the registry are killed during a deployment and started again, with or without their data. Each test has its own
// Slipway, so that no fault affects the next test.

import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import type { AppBody } from "@slipway/protocol";
import { eventually, lacksEngine } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { linesOf } from "./follower.ts";
import { OutputEvents } from "./output-events.ts";
import type { Follower } from "./follower.ts";
import { startRegistry } from "./registry.ts";
import type { RegistryUnderTest } from "./registry.ts";
import { holdAttempts, releaseNextAttempts, settled, steps } from "./scenario.ts";
import { SlipwayUnderTest } from "./slipway.ts";
import { reportStateOfFailed } from "./state.ts";

/** In attempts that began while HOLD was set, prints lines with pauses below a second. The lines differ between attempts. */
const tickIfHeld =
  'at=$(date +%s%N); for i in $(seq 1 12000); do [ -z "$HOLD" ] || { echo "tick $i $at"; sleep 0.05; }; done; echo "over $at"';

describe.skipIf(await lacksEngine())("a failure of Redis or the registry", () => {
  let opened: AsyncDisposableStack;
  let slipway: SlipwayUnderTest;
  let registry: RegistryUnderTest;
  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    registry = opened.use(await startRegistry(inject("environment")));
    slipway = opened.use(
      await SlipwayUnderTest.start({ workers: [{}, {}], gated: true, registryUrl: registry.url }),
    );
  });
  afterEach(async ({ task }) => {
    await using _ = opened;
    await reportStateOfFailed(task, slipway);
  });

  test("Redis is killed during a build and started again: the build continues, and its log is complete", async () => {
    const app = await slipway.createApp("redis");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp(steps(15), answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 15"));
    await slipway.redis.kill();
    await eventually(async () => (await slipway.request("GET", "/health")).status === 503);
    // The store is available, so the deployment is accepted.
    const waiting = await slipway.deploy(app, inlineApp("true", answering("after")));
    await slipway.redis.start();
    const [built, after] = await settled(slipway, app, [id, waiting], [follower]);
    expect([built?.status, after?.status]).toEqual(["success", "success"]);
    expect(linesOf(follower.latest, id)).toContain("step 15 of 15");
    expect(await slipway.page(app)).toBe("after");
  });

  test("Redis loses its data during a build: the queue is rebuilt from the store", async () => {
    const app = await slipway.createApp("flushed");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp(steps(15), answering("built")));
    const waiting = await slipway.deploy(app, inlineApp("true", answering("after")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 15"));
    const client = new Redis(slipway.redis.url);
    await client.flushall();
    client.disconnect();
    const [built, after] = await settled(slipway, app, [id, waiting], [follower]);
    expect([built?.status, after?.status]).toEqual(["success", "success"]);
    expect(await slipway.page(app)).toBe("after");
    await slipway.idle();
  });

  test("a worker is killed and Redis loses its data before the store has the last lines: followers end with the record", async () => {
    const app = await slipway.createApp("lost");
    await using follower = slipway.follow(app);
    await holdAttempts(slipway, app);
    const id = await slipway.deploy(app, inlineApp(tickIfHeld, answering("built")));
    const events = new OutputEvents(slipway, id);
    await releaseNextAttempts(slipway, app);
    const worker = await slipway.workerOf(id);
    const isBusy = (lines: readonly string[]) => lines.some((line) => line.startsWith("tick 40 "));
    await Promise.all([events.until(isBusy), follower.until((frames) => isBusy(linesOf(frames, id)))]);
    await worker.kill();
    const client = new Redis(slipway.redis.url);
    await client.flushall();
    client.disconnect();
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(follower.latest.some(({ type }) => type === "rewind")).toBe(true);
    const { logLineCount: lineCount, logSha256: sha256 } = deployment ?? {};
    expect(await events.ended).toEqual({ lineCount, sha256 });
    expect(events.summary).toEqual({ lineCount, sha256 });
  });

  test("a worker loses its connection to Redis, not to the store: another worker takes over, and the first one's changes are refused", async () => {
    const app = await slipway.createApp("cut");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp(steps(40), answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 40"));
    const worker = await slipway.workerOf(id);
    const gate = slipway.gateOf(worker);
    gate.shut();
    await slipway.until(id, ({ attempt }) => attempt === 2);
    gate.reopen();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(await slipway.page(app)).toBe("built");
    await slipway.idle();
  });

  test("a worker is killed during a push: the next attempt pushes", async () => {
    const app = await slipway.createApp("push");
    await using follower = slipway.follow(app);
    const id = await deployAndFreezeRegistry(app, follower);
    const worker = await slipway.workerOf(id);
    await slipway.until(id, ({ status }) => status === "pushing");
    await worker.kill();
    expect(await slipway.store.deployments.get(id)).toMatchObject({ status: "pushing", attempt: 1 });
    registry.thaw();
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(await slipway.page(app)).toBe("pushed");
  });

  test("the registry is killed during a push and started again: the push is retried", async () => {
    const app = await slipway.createApp("registry");
    await using follower = slipway.follow(app);
    const id = await deployAndFreezeRegistry(app, follower);
    await slipway.until(id, ({ status }) => status === "pushing");
    await registry.kill();
    await follower.until((frames) =>
      linesOf(frames, id).some((line) => line.includes("trying again (2 of 3)")),
    );
    await registry.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(await slipway.page(app)).toBe("pushed");
  });

  /** The registry stops responding during the build, so that the deployment waits in its push. */
  async function deployAndFreezeRegistry(app: AppBody, follower: Follower): Promise<string> {
    const id = await slipway.deploy(app, inlineApp(steps(40), answering("pushed")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 40"));
    registry.freeze();
    return id;
  }
});
