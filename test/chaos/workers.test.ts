// Workers are killed, frozen or stopped during a deployment: another one completes it, and nothing is lost.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually, lacksEngine } from "@slipway/testkit";
import { answering, inlineApp, waitIfHeld } from "../e2e/apps.ts";
import type { AppUnderTest } from "./app-under-test.ts";
import { startConfirmingRouter } from "./confirming-router.ts";
import type { ConfirmingRouter } from "./confirming-router.ts";
import { linesOf } from "./follower.ts";
import { holdAttempts, releaseNextAttempts, settled, stubborn, steps } from "./scenario.ts";
import { SlipwayUnderTest } from "./slipway.ts";
import { reportStateOfFailed } from "./state.ts";

/** All scenarios run at once and keep the machine busy: a slow worker must not count as lost, and no state may pass unseen. */
const longTimeouts = { LEASE_MS: "5000", GRACE_MS: "3000", STOP_GRACE_MS: "5000", DRAIN_MS: "60000" };
/** All attempts at a deployment start the same release, so the first attempt cannot be held. It only starts slowly. */
const startingSlowly = `sleep 8; ${answering("started")}`;
const building = `${steps(3)}; ${waitIfHeld}; echo over`;

describe.skipIf(await lacksEngine()).concurrent("a worker", () => {
  const opened = new AsyncDisposableStack();
  let slipway: SlipwayUnderTest;
  let router: ConfirmingRouter;
  beforeAll(async () => {
    slipway = opened.use(await SlipwayUnderTest.start({ workers: [{}, {}, {}, {}], settings: longTimeouts }));
    router = opened.use(await startConfirmingRouter(slipway.redis.url, slipway.installationId));
  });
  afterAll(() => opened.disposeAsync());
  afterEach(({ task }) => reportStateOfFailed(task, slipway));

  test("a worker is killed during a build: the next attempt builds", async () => {
    const app = await slipway.createApp("build");
    await using follower = slipway.follow(app);
    await holdAttempts(slipway, app);
    const id = await slipway.deploy(app, inlineApp(building, answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 3"));
    await releaseNextAttempts(slipway, app);
    const worker = await slipway.workerOf(id);
    await worker.kill();
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    const lines = linesOf(follower.latest, id);
    // The second attempt's lines follow the first attempt's lines, which are kept.
    expect(lines.filter((line) => line === "step 3 of 3")).toHaveLength(2);
    expect(lines.filter((line) => line === "over")).toHaveLength(1);
    expect(await slipway.page(app)).toBe("built");
  });

  test("a worker is killed while the app starts: the next attempt starts it", async () => {
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

  test("a worker is frozen for longer than its lease during a build: its later changes are refused", async () => {
    const app = await slipway.createApp("frozen");
    await using follower = slipway.follow(app);
    // The build is not held: it prints more lines while the worker is frozen, and these lines are rejected afterwards.
    const id = await slipway.deploy(app, inlineApp(steps(40), answering("built")));
    const worker = await slipway.workerOf(id);
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 40"));
    await frozenUntil(worker, id, () => slipway.ended(id));
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "success", attempt: 2 });
    expect(buildsOf(id)).toBe(2);
    expect(await slipway.page(app)).toBe("built");
  });

  test("a worker is frozen while the app starts: the release of the next attempt keeps serving", async () => {
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

  test("a worker that receives SIGTERM during a build requeues the deployment, and the log says so", async () => {
    const app = await slipway.createApp("back");
    await using follower = slipway.follow(app);
    await holdAttempts(slipway, app);
    const id = await slipway.deploy(app, inlineApp(building, answering("built")));
    await follower.until((frames) => linesOf(frames, id).includes("step 3 of 3"));
    await releaseNextAttempts(slipway, app);
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

  test("a worker is frozen, or receives SIGTERM, right after the go-live: the release is not built again", async () => {
    const app = await slipway.createApp("live");
    await using follower = slipway.follow(app);
    const first = await slipway.deploy(app, inlineApp("true", stubborn("first")));
    await slipway.ended(first);
    router.withhold(app.id);
    const second = await slipway.deploy(app, inlineApp("true", stubborn("second")));
    const froze = await slipway.workerOf(second);
    await slipway.until(second, ({ releaseId }) => releaseId !== null);
    await frozenUntil(froze, second, () => {
      router.confirm(app.id);
      return slipway.ended(second);
    });
    expect(await slipway.page(app)).toBe("second");
    router.withhold(app.id);
    const third = await slipway.deploy(app, inlineApp("true", answering("third")));
    const worker = await slipway.workerOf(third);
    await slipway.until(third, ({ releaseId }) => releaseId !== null);
    expect(await worker.stop()).toBe("code 0");
    router.confirm(app.id);
    await worker.start();
    const ends = await settled(slipway, app, [first, second, third], [follower]);
    expect(ends.map(({ status }) => status)).toEqual(["success", "success", "success"]);
    expect(ends[1]?.attempt).toBe(2);
    for (const { id } of ends) expect(buildsOf(id)).toBe(1);
    expect(await slipway.page(app)).toBe("third");
  });

  test("a worker is killed while the app starts, and the deployment aborted before the next claim: nothing is left", async () => {
    const app = await slipway.createApp("aborted");
    await using follower = slipway.follow(app);
    const id = await slipway.deploy(app, inlineApp("true", "sleep 600"));
    const worker = await slipway.workerOf(id);
    await slipway.until(id, ({ status }) => status === "starting");
    await eventually(async () => startedOf(id) > 0);
    await worker.kill();
    const answer = await slipway.request("POST", `/v1/apps/${app.name}/deployments/${id}/abort`);
    expect(answer.status).toBe(200);
    await worker.start();
    const [deployment] = await settled(slipway, app, [id], [follower]);
    expect(deployment).toMatchObject({ status: "aborted", releaseId: null });
  });

  test("each worker of a deployment is killed: the third attempt is the last, and nothing is left", async () => {
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

  const containerCount = (deploymentId: string, kind: string) =>
    slipway.containers.lifetimes.filter(
      (lifetime) => lifetime.deploymentId === deploymentId && lifetime.kind === kind,
    ).length;
  const buildsOf = (deploymentId: string) => containerCount(deploymentId, "build");
  const startedOf = (deploymentId: string) => containerCount(deploymentId, "release");

  /** Freezes the worker that runs the deployment until `over` resolves; then waits until it has noticed the loss of its lease. */
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
