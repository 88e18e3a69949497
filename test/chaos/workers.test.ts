// Workers that die, freeze or are told to stop in the middle of a deployment: another one sees it through, and nothing is lost.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksEngine } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { linesOf } from "./follower.ts";
import { settled, stubborn, steps } from "./scenario.ts";
import { eventually, SlipwayUnderTest } from "./slipway.ts";

describe.skipIf(await lacksEngine()).concurrent("a worker", () => {
  let slipway: SlipwayUnderTest;
  beforeAll(async () => {
    slipway = await SlipwayUnderTest.start({ workers: [{}, {}, {}, {}] });
  });
  afterAll(() => slipway[Symbol.asyncDispose]());

  test("killed while it builds", async () => {
    const app = await slipway.createApp("build");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp(steps(10), answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 10"));
    const worker = await slipway.workerOf(id);
    await worker.kill();
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    const lines = linesOf(follower.latest, id);
    // The second attempt's lines follow on the first's, which stay.
    expect(lines.filter((line) => line === "step 3 of 10")).toHaveLength(2);
    expect(lines.filter((line) => line === "step 10 of 10")).toHaveLength(1);
    expect(await slipway.page(app)).toBe("built");
  });

  test("killed while it pushes", async () => {
    const app = await slipway.createApp("push");
    await using follower = slipway.follow(app);
    const compile = `head -c 40000000 /dev/urandom >big; ${steps(3)}`;
    const id = await slipway.deploy(app, inlineApp(compile, answering("pushed")));
    const worker = await slipway.workerOf(id);
    await slipway.until(id, ({ status }) => status === "pushing");
    await worker.kill();
    expect(await slipway.store.deployments.get(id)).toMatchObject({ status: "pushing", attempt: 1 });
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(await slipway.page(app)).toBe("pushed");
  });

  test("killed while the app starts", async () => {
    const app = await slipway.createApp("start");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp("true", `sleep 2; ${answering("started")}`));
    const worker = await slipway.workerOf(id);
    await slipway.until(id, ({ status }) => status === "starting");
    await worker.kill();
    expect(await slipway.store.deployments.get(id)).toMatchObject({ status: "starting", releaseId: null });
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(await slipway.page(app)).toBe("started");
  });

  test("frozen for longer than its lease while it builds: what it does then is refused", async () => {
    const app = await slipway.createApp("frozen");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp(steps(10), answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 10"));
    await frozenUntil(id, () => slipway.ended(id));
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(
      slipway.containers.lives.filter(({ appId, kind }) => appId === app.id && kind === "build"),
    ).toHaveLength(2);
    expect(await slipway.page(app)).toBe("built");
  });

  test("frozen while the app starts: the other's release serves on", async () => {
    const app = await slipway.createApp("still");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp("true", `sleep 2; ${answering("started")}`));
    await slipway.until(id, ({ status }) => status === "starting");
    await frozenUntil(id, () => slipway.ended(id));
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(await slipway.page(app)).toBe("started");
  });

  test("told to stop while it builds: hands the deployment back, and says so", async () => {
    const app = await slipway.createApp("back");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp(steps(20), answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 20"));
    const worker = await slipway.workerOf(id);
    expect(await worker.stop()).toBe("code 0");
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(deployment?.history.map(({ status }) => status).join(" ")).toBe(
      "queued building queued building pushing starting success",
    );
    expect(linesOf(follower.latest, id)).toContain(
      " !     This worker is shutting down: the deployment goes back to its queue",
    );
  });

  test("frozen, or told to stop, right after its release went live: the release is not built again", async () => {
    const app = await slipway.createApp("live");
    await using follower = slipway.follow(app);
    const first = await slipway.deploy(app, inlineApp("true", stubborn("first")));
    await slipway.ended(first);
    const second = await slipway.deploy(app, inlineApp("true", stubborn("second")));
    await slipway.until(second, ({ releaseId }) => releaseId !== null);
    await frozenUntil(second, () => slipway.ended(second));
    expect(await slipway.page(app)).toBe("second");
    const third = await slipway.deploy(app, inlineApp("true", answering("third")));
    const worker = await slipway.workerOf(third);
    await slipway.until(third, ({ releaseId }) => releaseId !== null);
    expect(await worker.stop()).toBe("code 0");
    await worker.start();
    const ends = await settled(slipway, app, [first, second, third], [follower]);
    expect(ends.map(({ status, attempt }) => `${status} at attempt ${attempt}`)).toEqual([
      "success at attempt 1",
      "success at attempt 1",
      "success at attempt 1",
    ]);
    expect(await slipway.page(app)).toBe("third");
  });

  /** Freezes the worker that runs the deployment until `over`; then waits until it has found out that it is not its any more. */
  async function frozenUntil(deploymentId: string, over: () => Promise<unknown>): Promise<void> {
    const worker = await slipway.workerOf(deploymentId);
    worker.freeze();
    await over();
    worker.thaw();
    await eventually(async () => {
      const workers = await slipway.listWorkers();
      const back = workers.find(({ name, state }) => name === worker.name && state === "ready");
      return back?.deployments.some(({ id }) => id === deploymentId) === false ? true : undefined;
    });
  }
});
