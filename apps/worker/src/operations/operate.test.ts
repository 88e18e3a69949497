import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeApp, claim, claimOperation, SlipwayError } from "@slipway/core";
import type { App, Instance, ListedRollout, Operation, RolloutSpec, Scheduler } from "@slipway/core";
import { instancesSeen, routeMessage } from "@slipway/protocol";
import { maxAttempts } from "@slipway/queue";
import { aNewDeployment, aNewRelease, anApp, anOperation, aVariable, lacksRedis } from "@slipway/testkit";
import { observeApps } from "../housekeeping/observe.ts";
import { endAbandonedOperation, operate } from "./operate.ts";
import { testPlatform } from "../../test-support/test-context.ts";

const serving = { host: "127.0.0.1", port: 4001 };
const next = { host: "127.0.0.1", port: 4002 };

describe.skipIf(await lacksRedis())("an operation", () => {
  let opened: AsyncDisposableStack;
  let platform: Awaited<ReturnType<typeof testPlatform>>;
  let app: App;
  /** What was asked of the scheduler, in order. */
  let asked: string[];
  let specs: RolloutSpec[];
  /** What the scheduler knows of the app besides its current rollout. */
  let former: ListedRollout[];
  let start: Scheduler["start"];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    asked = [];
    specs = [];
    former = [];
    start = async () => [next];
    platform = await testPlatform(opened, {
      start: async (spec, options) => {
        specs.push(spec);
        asked.push(`start ${spec.count}`);
        return start(spec, options);
      },
      promote: async (_app, rolloutId, { count }) => {
        asked.push(`promote ${rolloutId} ${count}`);
        return former.splice(0);
      },
      list: async () => former,
      discard: async (_app, rolloutId, { attempt }) => void asked.push(`discard ${rolloutId} ${attempt}`),
      instances: async () => {
        const current = specs.at(-1)?.rolloutId ?? app.currentRolloutId ?? "";
        return [instance, { ...instance, id: "c2", rolloutId: current }];
      },
      addresses: async () => [next],
      ping: async () => undefined,
    });
    app = anApp();
    await platform.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  /** As a deployment left it. */
  async function deployed(): Promise<void> {
    const values = { appId: app.id, defaults: { PORTS: "many", LOCALE: "C" }, environment: { OLD: "1" } };
    const release = await platform.store.releases.create(aNewRelease(values));
    const facts = { currentReleaseId: release.id, currentRolloutId: release.id, targets: [serving] };
    await change(facts);
  }

  async function change(facts: Parameters<typeof changeApp>[2]): Promise<void> {
    app = changeApp(await now(), new Date(), facts);
    expect(await platform.store.apps.compareAndSet(app)).toBe(true);
  }

  const now = async () => (await platform.store.apps.get(app.id)) as App;

  async function ask(webCount: number | null = null, createdAt = new Date()): Promise<Operation> {
    const operation = anOperation({ appId: app.id, webCount, createdAt });
    await platform.store.operations.create(operation);
    return operation;
  }

  const run = ({ id }: Operation, attempt = 1, signal = new AbortController().signal) =>
    operate(platform, { type: "operate", appId: app.id, id, attempt, tryNumber: attempt }, signal);

  const known = (rolloutId: string, attempt = 1): ListedRollout => ({
    appId: app.id,
    releaseId: rolloutId,
    rolloutId,
    attempt,
  });

  const after = async ({ id }: Operation) => (await platform.store.operations.get(id)) as Operation;

  test("starts a rollout of its own with the variables of now, and has the app point at it", async () => {
    await deployed();
    const { redis, keys, store } = platform;
    await store.variables.set(app.id, [aVariable({ appId: app.id, name: "LOCALE", value: "C.UTF-8" })]);
    const routes = opened.adopt(redis.duplicate(), (client) => client.disconnect());
    const heard = Promise.withResolvers<string>();
    routes.on("message", (_channel, text) => heard.resolve(text));
    await routes.subscribe(keys.routesChannel);

    const scaling = await ask(3);
    await run(scaling);
    expect(await after(scaling)).toMatchObject({ status: "done", attempt: 1, failure: null });
    expect(asked).toEqual(["start 3", `promote ${scaling.id} 3`]);
    expect(specs[0]).toMatchObject({
      rolloutId: scaling.id,
      releaseId: app.currentReleaseId,
      deploymentId: null,
      attempt: 1,
      environment: { PORTS: "many", LOCALE: "C.UTF-8" },
    });
    expect(specs[0]?.environment).not.toHaveProperty("OLD");
    expect(await now()).toMatchObject({
      currentReleaseId: app.currentReleaseId,
      currentRolloutId: scaling.id,
      targets: [next],
      webCount: 3,
      lastDeployedAt: null,
    });
    expect(routeMessage.parse(JSON.parse(await heard.promise))).toMatchObject({ appId: app.id });
    const seen = instancesSeen.parse(JSON.parse((await redis.get(keys.appInstances(app.id))) ?? ""));
    expect(seen.instances).toMatchObject([{ id: "c2", state: "running", index: 1 }]);
  });

  test("requests a stop of the replaced rollout, and ends without waiting for it", async () => {
    await deployed();
    former.push(known("first", 1), known("second", 3));
    await run(await ask());
    const jobs = await platform.housekeeping.queue.getJobs(["waiting"]);
    expect(jobs.map(({ data }) => data).toSorted(byRollout)).toEqual([
      { type: "stop-rollout", appId: app.id, rolloutId: "first", attempt: 1 },
      { type: "stop-rollout", appId: app.id, rolloutId: "second", attempt: 3 },
    ]);
  });

  test("starts nothing while many former rollouts stop, and requests their stop again", async () => {
    await deployed();
    former.push(known("first"), known("second"), known("third"));
    const running = run(await ask());
    const { queue } = platform.housekeeping;
    await expect.poll(() => queue.getWaitingCount()).toBe(3);
    expect(asked).toEqual([]);
    former.pop();
    await running;
    expect(asked[0]).toBe("start 1");
  });

  test("of a stopping worker gives up its wait for former rollouts", async () => {
    await deployed();
    former.push(known("first"), known("second"), known("third"));
    const stopping = new AbortController();
    const restart = await ask();
    const running = run(restart, 1, stopping.signal);
    await expect.poll(() => platform.housekeeping.queue.getWaitingCount()).toBe(3);
    stopping.abort(new SlipwayError("requeued", "this worker is shutting down"));
    await expect(running).rejects.toMatchObject({ code: "requeued" });
    expect((await after(restart)).status).toBe("pending");
    expect(asked).toEqual([]);
  });

  test("that starts every process anew does the restarts that waited, and no later one", async () => {
    await deployed();
    const [scaling, waiting] = [await ask(2), await ask()];
    const later = Promise.withResolvers<Operation>();
    start = async () => {
      later.resolve(await ask());
      return [next];
    };
    await run(scaling);
    expect((await after(waiting)).status).toBe("done");
    expect(await after(await later.promise)).toMatchObject({ status: "pending", attempt: 0 });
  });

  test("to the number the app has, or before its first release, starts nothing", async () => {
    const early = await ask(4);
    await run(early);
    expect((await now()).webCount).toBe(4);
    const restart = await ask();
    await run(restart);
    expect(await after(restart)).toMatchObject({ status: "error", failure: { code: "conflict" } });
    await deployed();
    const [same, waiting] = [await ask(4), await ask()];
    await run(same);
    expect([(await after(early)).status, (await after(same)).status]).toEqual(["done", "done"]);
    expect((await after(waiting)).status).toBe("pending");
    expect(asked).toEqual([]);
  });

  test("whose processes do not come up changes nothing, and says what they wrote, secrets left out", async () => {
    await deployed();
    const secret = aVariable({ appId: app.id, name: "API_TOKEN", value: "hunter2-hunter2" });
    await platform.store.variables.set(app.id, [secret]);
    start = async (_spec, { onOutput }) => {
      await onOutput(Buffer.from("\x1b[31mconnecting with hunter2-hunter2\n\ngiving up\x07\n"));
      throw new SlipwayError("app-crashed", "the app exited with status 1");
    };
    const [restart, waiting] = [await ask(), await ask()];
    await run(restart);
    expect(await after(restart)).toMatchObject({
      status: "error",
      failure: {
        code: "app-crashed",
        message: "the app exited with status 1; it wrote:\nconnecting with [masked]\ngiving up",
      },
    });
    expect((await after(waiting)).status).toBe("pending");
    expect(await now()).toEqual(app);
  });

  test("that fails by a platform error is retried, and ends with the reason", async () => {
    await deployed();
    start = async () => {
      throw new SlipwayError("engine-unavailable", "the engine does not answer");
    };
    const restart = await ask();
    for (let attempt = 1; attempt < maxAttempts; attempt += 1) {
      await expect(run(restart, attempt)).rejects.toMatchObject({ code: "engine-unavailable" });
      expect(await after(restart)).toMatchObject({ status: "running", attempt });
    }
    await run(restart, maxAttempts);
    expect(await after(restart)).toMatchObject({
      status: "error",
      failure: { code: "engine-unavailable", message: "the engine does not answer" },
    });
  });

  test("of a stopping worker waits again for another", async () => {
    await deployed();
    const stopping = new AbortController();
    start = async (_spec, { signal }) => {
      stopping.abort(new SlipwayError("requeued", "this worker is shutting down"));
      throw signal.reason;
    };
    const restart = await ask();
    await expect(run(restart, 1, stopping.signal)).rejects.toMatchObject({ code: "requeued" });
    expect((await after(restart)).status).toBe("pending");
    start = async () => [next];
    await run(restart, 2);
    expect(await after(restart)).toMatchObject({ status: "done", attempt: 2 });
  });

  test("whose worker died after the cutover is completed without a new start", async () => {
    await deployed();
    const restart = await ask();
    await platform.store.operations.compareAndSet(claimOperation(restart, 1, new Date()));
    await change({ currentRolloutId: restart.id, targets: [next] });
    await run(restart, 2);
    expect(asked).toEqual([`promote ${restart.id} 1`]);
    expect((await after(restart)).status).toBe("done");
    await run(restart, 3);
    expect(asked).toHaveLength(1);
  });

  test("that was taken over while it started puts nothing in service", async () => {
    await deployed();
    const restart = await ask();
    start = async () => {
      const held = await after(restart);
      await platform.store.operations.compareAndSet(claimOperation(held, 2, new Date()));
      return [next];
    };
    await expect(run(restart)).rejects.toMatchObject({ code: "lease-lost" });
    expect(asked).toEqual(["start 1", `discard ${restart.id} 1`]);
    expect(await now()).toEqual(app);
    expect(await after(restart)).toMatchObject({ status: "running", attempt: 2 });
  });

  test("does not begin beside a deployment, also when the queue hands out both", async () => {
    await deployed();
    const { deployments } = platform.store;
    const queued = await deployments.create(aNewDeployment({ appId: app.id }));
    await deployments.compareAndSet(claim(queued, 1, { at: new Date(), lineCount: 0 }));
    const restart = await ask();
    await expect(run(restart)).rejects.toMatchObject({ code: "internal" });
    expect((await after(restart)).status).toBe("pending");
    expect(asked).toEqual([]);
  });

  test("of an app that was deleted ends", async () => {
    await deployed();
    const restart = await ask();
    await change({ deletedAt: new Date() });
    await run(restart);
    expect(await after(restart)).toMatchObject({ status: "error", failure: { code: "aborted" } });
    expect(asked).toEqual([]);
  });

  test("that no attempt will end is ended from outside, and what it started goes", async () => {
    await deployed();
    const error = new SlipwayError("internal", "the workers that ran it died");
    const lost = await ask();
    await platform.store.operations.compareAndSet(claimOperation(lost, 3, new Date()));
    await endAbandonedOperation(platform, lost.id, error);
    await endAbandonedOperation(platform, lost.id, error);
    expect(await after(lost)).toMatchObject({ status: "error", failure: { message: error.message } });
    expect(asked).toEqual([`discard ${lost.id} 3`]);
    const live = await ask();
    await change({ currentRolloutId: live.id });
    await endAbandonedOperation(platform, live.id, error);
    expect(asked).toHaveLength(1);
  });

  test("observing apps stores and publishes their addresses, and leaves apps without a rollout unchanged", async () => {
    const idle = anApp();
    await platform.store.apps.create(idle);
    await deployed();
    await observeApps(platform);
    const moved = await now();
    expect(moved).toMatchObject({ targets: [next], revision: app.revision + 1 });
    await observeApps(platform);
    expect(await now()).toEqual(moved);
    expect(await platform.store.apps.get(idle.id)).toEqual(idle);
    expect(await platform.redis.get(platform.keys.appInstances(app.id))).not.toBeNull();
    expect(await platform.redis.get(platform.keys.appInstances(idle.id))).toBeNull();
  });
});

function byRollout(one: unknown, other: unknown): number {
  return JSON.stringify(one).localeCompare(JSON.stringify(other));
}

const instance: Instance = {
  id: "c1",
  appId: "a",
  releaseId: "r",
  releaseNumber: 1,
  rolloutId: "o",
  processType: "web",
  index: 1,
  state: "running",
  createdAt: new Date("2026-03-04T05:06:07.089Z"),
  address: next,
  memoryBytes: 536_870_912,
  cpus: 1,
};
