// MongoDB is killed during a deployment and started again: no accepted deployment is lost, and no deployment runs twice.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, lacksEngine, lacksMongoServer, startMongoServer } from "@slipway/testkit";
import type { TestMongoServer } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { linesOf } from "./follower.ts";
import { settled, steps } from "./scenario.ts";
import { SlipwayUnderTest } from "./slipway.ts";
import { reportStateOfFailed } from "./state.ts";

describe.skipIf((await lacksEngine()) || (await lacksMongoServer()))("an outage of MongoDB", () => {
  const opened = new AsyncDisposableStack();
  let slipway: SlipwayUnderTest;
  let mongo: TestMongoServer;
  beforeAll(async () => {
    mongo = opened.use(await startMongoServer());
    const settings = { DATABASE_URL: mongo.url, BLOBS_URL: mongo.url };
    slipway = opened.use(await SlipwayUnderTest.start({ workers: [{}, {}], settings }));
  });
  afterAll(() => opened.disposeAsync());
  afterEach(({ task }) => reportStateOfFailed(task, slipway));

  test("MongoDB is killed during a build and started again: requests fail meanwhile, and accepted deployments are built", async () => {
    const app = await slipway.createApp("mongo");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp(steps(15), answering("built")));
    const waiting = await slipway.deploy(app, inlineApp("true", answering("after")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 15"));
    await mongo.kill();
    expect((await slipway.request("GET", `/v1/apps/${app.name}`)).status).toBe(503);
    await eventually(async () => (await slipway.request("GET", "/health")).status === 503);
    await mongo.start();
    const [built, after] = await settled(slipway, app, [id, waiting], [follower]);
    expect([built?.status, after?.status]).toEqual(["success", "success"]);
    expect(linesOf(follower.latest, id)).toContain("step 15 of 15");
    expect(await slipway.page(app)).toBe("after");
    expect((await slipway.listWorkers()).map(({ state }) => state)).toEqual(["ready", "ready"]);
  });

  test("MongoDB is unavailable when a build ends: the worker waits for it, and continues the attempt", async () => {
    const app = await slipway.createApp("away");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp(steps(15), answering("waited")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 15"));
    await mongo.kill();
    await eventually(async () =>
      slipway.containers.lifetimes.some(
        ({ deploymentId, endedAtNs }) => deploymentId === id && endedAtNs !== null,
      ),
    );
    // This request began after the worker's next call, so that call has also failed.
    expect((await slipway.request("GET", `/v1/apps/${app.name}`)).status).toBe(503);
    await mongo.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 1 });
    expect(linesOf(follower.latest, id)).toContain("step 15 of 15");
    expect(await slipway.page(app)).toBe("waited");
  });
});
