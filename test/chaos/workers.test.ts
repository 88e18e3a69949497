// Workers that die, freeze or are told to stop in the middle of a deployment: another one sees it through, and nothing is lost.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, lacksEngine } from "@slipway/testkit";
import { answering, held, inlineApp } from "../e2e/apps.ts";
import type { AppUnderTest } from "./app-under-test.ts";
import { startConfirmingRouter } from "./confirming-router.ts";
import type { ConfirmingRouter } from "./confirming-router.ts";
import { linesOf } from "./follower.ts";
import { hold, letNextGo, settled, stubborn, steps } from "./scenario.ts";
import { SlipwayUnderTest } from "./slipway.ts";
import { tellStateOfFailed } from "./state.ts";

/** All scenarios at once keep the machine busy: a worker that is slow is not to count as dead, nor a moment to pass unseen. */
const unhurried = { LEASE_MS: "5000", GRACE_MS: "3000", STOP_GRACE_MS: "5000", DRAIN_MS: "60000" };
/** All attempts at a deployment start one release, so the first is not held for good: it only takes long enough to be met. */
const startingSlowly = `sleep 8; ${answering("started")}`;
const building = `${steps(3)}; ${held}; echo over`;

describe.skipIf(await lacksEngine()).concurrent("a worker", () => {
  const opened = new AsyncDisposableStack();
  let slipway: SlipwayUnderTest;
  let router: ConfirmingRouter;
  beforeAll(async () => {
    slipway = opened.use(await SlipwayUnderTest.start({ workers: [{}, {}, {}, {}], settings: unhurried }));
    router = opened.use(await startConfirmingRouter(slipway.redis.url, slipway.installationId));
  });
  afterAll(() => opened.disposeAsync());
  afterEach(({ task }) => tellStateOfFailed(task, slipway));

  test("killed while it builds", async () => {
    const app = await slipway.createApp("build");
    await using follower = slipway.follow(app);
    await hold(slipway, app);
    const id = await slipway.deploy(app, inlineApp(building, answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 3"));
    await letNextGo(slipway, app);
    const worker = await slipway.workerOf(id);
    await worker.kill();
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    const lines = linesOf(follower.latest, id);
    // The second attempt's lines follow on the first's, which stay.
    expect(lines.filter((line) => line === "step 3 of 3")).toHaveLength(2);
    expect(lines.filter((line) => line === "over")).toHaveLength(1);
    expect(await slipway.page(app)).toBe("built");
  });

  test("killed while the app starts", async () => {
    const app = await slipway.createApp("start");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp("true", startingSlowly));
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
    // not held: while the worker is frozen, its build says more, which is refused afterwards
    const id = await slipway.deploy(app, inlineApp(steps(40), answering("built")));
    const worker = await slipway.workerOf(id);
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 40"));
    await frozenUntil(worker, id, () => slipway.ended(id));
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(buildsOf(id)).toBe(2);
    expect(await slipway.page(app)).toBe("built");
  });

  test("frozen while the app starts: the other's release serves on", async () => {
    const app = await slipway.createApp("still");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp("true", startingSlowly));
    const worker = await slipway.workerOf(id);
    await slipway.until(id, ({ status }) => status === "starting");
    await frozenUntil(worker, id, () => slipway.ended(id));
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(await slipway.page(app)).toBe("started");
  });

  test("told to stop while it builds: hands the deployment back, and says so", async () => {
    const app = await slipway.createApp("back");
    await using follower = slipway.follow(app);
    await hold(slipway, app);
    const id = await slipway.deploy(app, inlineApp(building, answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 3"));
    await letNextGo(slipway, app);
    const worker = await slipway.workerOf(id);
    const stopping = worker.stop();
    await slipway.shown(worker, "draining");
    expect(await stopping).toBe("code 0");
    expect(
      (await slipway.listWorkers()).filter(({ name, state }) => name === worker.name && state !== "lost"),
    ).toEqual([]);
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
    router.hold(app.id);
    const second = await slipway.deploy(app, inlineApp("true", stubborn("second")));
    const froze = await slipway.workerOf(second);
    await slipway.until(second, ({ releaseId }) => releaseId !== null);
    await frozenUntil(froze, second, () => {
      router.letGo(app.id);
      return slipway.ended(second);
    });
    expect(await slipway.page(app)).toBe("second");
    router.hold(app.id);
    const third = await slipway.deploy(app, inlineApp("true", answering("third")));
    const worker = await slipway.workerOf(third);
    await slipway.until(third, ({ releaseId }) => releaseId !== null);
    expect(await worker.stop()).toBe("code 0");
    router.letGo(app.id);
    await worker.start();
    const ends = await settled(slipway, app, [first, second, third], [follower]);
    expect(ends.map(({ status }) => status)).toEqual(["success", "success", "success"]);
    expect(ends[1]?.attempt).toBe(2);
    for (const { id } of ends) expect(buildsOf(id)).toBe(1);
    expect(await slipway.page(app)).toBe("third");
  });

  test("killed while the app starts, and the deployment aborted before another takes it: nothing is left", async () => {
    const app = await slipway.createApp("aborted");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp("true", "sleep 600"));
    const worker = await slipway.workerOf(id);
    await slipway.until(id, ({ status }) => status === "starting");
    await eventually(async () => startedOf(id) > 0);
    await worker.kill();
    const answer = await slipway.ask("POST", `/v1/apps/${app.name}/deployments/${id}/abort`);
    expect(answer.status).toBe(200);
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "aborted", releaseId: null });
  });

  test("killed each time it has the deployment: after the third time it is over, and nothing is left", async () => {
    const app = await slipway.createApp("thrice");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp("true", "sleep 600"));
    for (const number of [1, 2, 3]) {
      await slipway.until(id, ({ status, attempt }) => status === "starting" && attempt === number);
      const worker = await slipway.workerOf(id);
      await worker.kill();
      await worker.start();
    }
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "aborted", failure: { code: "internal" } });
    expect(linesOf(follower.latest, id).at(-1)).toMatch(/The platform failed/);
  });

  const livesOf = (deploymentId: string, kind: string) =>
    slipway.containers.lives.filter((life) => life.deploymentId === deploymentId && life.kind === kind)
      .length;
  const buildsOf = (deploymentId: string) => livesOf(deploymentId, "build");
  const startedOf = (deploymentId: string) => livesOf(deploymentId, "release");

  /** Freezes the worker that runs the deployment until `over`; then waits until it has found out that it is not its any more. */
  async function frozenUntil(
    worker: AppUnderTest,
    deploymentId: string,
    over: () => Promise<unknown>,
  ): Promise<void> {
    await slipway.freeze(worker);
    await slipway.shown(worker, "lost");
    await over();
    worker.thaw();
    await slipway.shown(worker, "ready");
    await eventually(async () => {
      const workers = await slipway.listWorkers();
      const back = workers.find(({ pid }) => pid === worker.pid);
      return back?.deployments.some(({ id }) => id === deploymentId) === false;
    });
  }
});
