import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeApp, claim, claimOperation, SlipwayError } from "@slipway/core";
import type { App, Instance, ListedRollout, Operation, RolloutSpec, Scheduler } from "@slipway/core";
import { instancesSeen, routeMessage } from "@slipway/protocol";
import { maxAttempts } from "@slipway/queue";
import { aNewDeployment, aNewRelease, anApp, anOperation, aVariable, lacksRedis } from "@slipway/testkit";
import { observeApps } from "../housekeeping/observe.ts";
import { promoteRollout } from "../housekeeping/promote-rollout.ts";
import { endAbandonedOperation, operate } from "./operate.ts";
import { openTestContext } from "../../test-support/test-context.ts";
import type { TestContext } from "../../test-support/test-context.ts";

type ScriptedScheduler = Pick<
  Scheduler,
  "start" | "promote" | "list" | "discard" | "instances" | "addresses" | "fingerprints"
>;

const serving = { host: "127.0.0.1", port: 4001 };
const next = { host: "127.0.0.1", port: 4002 };

describe.skipIf(await lacksRedis())("an operation", () => {
  let opened: AsyncDisposableStack;
  let context: TestContext<ScriptedScheduler>;
  let app: App;
  /** The calls to the scheduler, in order. */
  let calls: string[];
  let specs: RolloutSpec[];
  /** The app's rollouts on the scheduler besides the current one. */
  let former: ListedRollout[];
  let start: Scheduler["start"];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    calls = [];
    specs = [];
    former = [];
    start = async () => [next];
    context = await openTestContext<ScriptedScheduler>(opened, {
      start: async (spec, options) => {
        specs.push(spec);
        calls.push(`start ${spec.count}`);
        return start(spec, options);
      },
      promote: async (_app, rolloutId, { count }) => {
        calls.push(`promote ${rolloutId} ${count}`);
        return former.splice(0);
      },
      list: async () => former,
      discard: async (_app, rolloutId, { attempt }) => void calls.push(`discard ${rolloutId} ${attempt}`),
      instances: async () => {
        const current = specs.at(-1)?.rolloutId ?? app.currentRolloutId ?? "";
        return [instance, { ...instance, id: "c2", rolloutId: current }];
      },
      addresses: async () => [next],
      fingerprints: async () => new Map(),
    });
    app = anApp();
    await context.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  /** Stores a release and points the app at it, as a deployment does. */
  async function deployed(): Promise<void> {
    const values = { appId: app.id, defaults: { PORTS: "many", LOCALE: "C" }, environment: { OLD: "1" } };
    const release = await context.store.releases.create(aNewRelease(values));
    const facts = { currentReleaseId: release.id, currentRolloutId: release.id, targets: [serving] };
    await change(facts);
  }

  async function change(facts: Parameters<typeof changeApp>[2]): Promise<void> {
    app = changeApp(await now(), new Date(), facts);
    expect(await context.store.apps.compareAndSet(app)).toBe(true);
  }

  const now = async () => (await context.store.apps.get(app.id)) as App;

  async function request(webCount: number | null = null, createdAt = new Date()): Promise<Operation> {
    const operation = anOperation({ appId: app.id, webCount, createdAt });
    await context.store.operations.create(operation);
    return operation;
  }

  const run = ({ id }: Operation, attempt = 1, signal = new AbortController().signal) =>
    operate(context, { type: "operate", appId: app.id, id, attempt, tryNumber: attempt }, signal);

  const rollout = (rolloutId: string, attempt = 1): ListedRollout => ({
    appId: app.id,
    releaseId: rolloutId,
    rolloutId,
    attempt,
  });

  const after = async ({ id }: Operation) => (await context.store.operations.get(id)) as Operation;

  /** The waiting housekeeping jobs. */
  const requested = async () => (await context.housekeeping.queue.getWaiting()).map(({ data }) => data);

  test("an operation starts a rollout with the current variables, and points the app to it", async () => {
    await deployed();
    const { redis, keys, store } = context;
    await store.variables.set(app.id, [aVariable({ appId: app.id, name: "LOCALE", value: "C.UTF-8" })]);
    const routes = opened.adopt(redis.duplicate(), (client) => client.disconnect());
    const received = Promise.withResolvers<string>();
    routes.on("message", (_channel, text) => received.resolve(text));
    await routes.subscribe(keys.routesChannel);

    const scaling = await request(3);
    await run(scaling);
    expect(await after(scaling)).toMatchObject({ status: "done", attempt: 1, failure: null });
    expect(calls).toEqual(["start 3", `promote ${scaling.id} 3`]);
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
    expect(routeMessage.parse(JSON.parse(await received.promise))).toMatchObject({ appId: app.id });
    const seen = instancesSeen.parse(JSON.parse((await redis.get(keys.appInstances(app.id))) ?? ""));
    expect(seen.instances).toMatchObject([{ id: "c2", state: "running", index: 1 }]);
  });

  test("an operation requests a stop of the replaced rollout, and ends without waiting for it", async () => {
    await deployed();
    former.push(rollout("first", 1), rollout("second", 3));
    await run(await request());
    const jobs = await context.housekeeping.queue.getJobs(["waiting"]);
    expect(jobs.map(({ data }) => data).toSorted(byRollout)).toEqual([
      { type: "stop-rollout", appId: app.id, rolloutId: "first", attempt: 1 },
      { type: "stop-rollout", appId: app.id, rolloutId: "second", attempt: 3 },
    ]);
  });

  test("an operation starts nothing while many former rollouts stop, and requests their stop again", async () => {
    await deployed();
    former.push(rollout("first"), rollout("second"), rollout("third"));
    const running = run(await request());
    const { queue } = context.housekeeping;
    await expect.poll(() => queue.getWaitingCount()).toBe(3);
    expect(calls).toEqual([]);
    former.pop();
    await running;
    expect(calls[0]).toBe("start 1");
  });

  test("an operation of a stopping worker ends its wait for former rollouts", async () => {
    await deployed();
    former.push(rollout("first"), rollout("second"), rollout("third"));
    const stopping = new AbortController();
    const restart = await request();
    const running = run(restart, 1, stopping.signal);
    await expect.poll(() => context.housekeeping.queue.getWaitingCount()).toBe(3);
    stopping.abort(new SlipwayError("requeued", "this worker is shutting down"));
    await expect(running).rejects.toMatchObject({ code: "requeued" });
    expect((await after(restart)).status).toBe("pending");
    expect(calls).toEqual([]);
  });

  test("an operation that starts every process again completes the waiting restarts, and no later one", async () => {
    await deployed();
    const [scaling, waiting] = [await request(2), await request()];
    const later = Promise.withResolvers<Operation>();
    start = async () => {
      later.resolve(await request());
      return [next];
    };
    await run(scaling);
    expect((await after(waiting)).status).toBe("done");
    expect(await after(await later.promise)).toMatchObject({ status: "pending", attempt: 0 });
  });

  test("scaling to the current number, or before the first release, starts nothing", async () => {
    const early = await request(4);
    await run(early);
    expect((await now()).webCount).toBe(4);
    const restart = await request();
    await run(restart);
    expect(await after(restart)).toMatchObject({ status: "error", failure: { code: "conflict" } });
    await deployed();
    const [same, waiting] = [await request(4), await request()];
    await run(same);
    expect([(await after(early)).status, (await after(same)).status]).toEqual(["done", "done"]);
    expect((await after(waiting)).status).toBe("pending");
    expect(calls).toEqual([]);
  });

  test("an operation whose processes fail to start changes nothing, and reports their output with secrets masked", async () => {
    await deployed();
    const secret = aVariable({ appId: app.id, name: "API_TOKEN", value: "hunter2-hunter2" });
    await context.store.variables.set(app.id, [secret]);
    start = async (_spec, { onOutput }) => {
      await onOutput(Buffer.from("\x1b[31mconnecting with hunter2-hunter2\n\ngiving up\x07\n"));
      throw new SlipwayError("app-crashed", "the app exited with status 1");
    };
    const [restart, waiting] = [await request(), await request()];
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

  test("an operation that fails with a platform error is retried, and ends with the reason", async () => {
    await deployed();
    start = async () => {
      throw new SlipwayError("engine-unavailable", "the engine does not answer");
    };
    const restart = await request();
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

  test("an operation of a stopping worker is requeued, and another attempt completes it", async () => {
    await deployed();
    const stopping = new AbortController();
    start = async (_spec, { signal }) => {
      stopping.abort(new SlipwayError("requeued", "this worker is shutting down"));
      throw signal.reason;
    };
    const restart = await request();
    await expect(run(restart, 1, stopping.signal)).rejects.toMatchObject({ code: "requeued" });
    expect((await after(restart)).status).toBe("pending");
    start = async () => [next];
    await run(restart, 2);
    expect(await after(restart)).toMatchObject({ status: "done", attempt: 2 });
  });

  test("an operation whose worker died after the cutover is completed without a new start", async () => {
    await deployed();
    const restart = await request();
    await context.store.operations.compareAndSet(claimOperation(restart, 1, new Date()));
    await change({ currentRolloutId: restart.id, targets: [next] });
    await run(restart, 2);
    expect(calls).toEqual([`promote ${restart.id} 1`]);
    expect((await after(restart)).status).toBe("done");
    await run(restart, 3);
    expect(calls).toHaveLength(1);
  });

  test("an operation that another attempt claims during its start puts nothing in service", async () => {
    await deployed();
    const restart = await request();
    start = async () => {
      const running = await after(restart);
      await context.store.operations.compareAndSet(claimOperation(running, 2, new Date()));
      return [next];
    };
    await expect(run(restart)).rejects.toMatchObject({ code: "lease-lost" });
    expect(calls).toEqual(["start 1", `discard ${restart.id} 1`]);
    expect(await now()).toEqual(app);
    expect(await after(restart)).toMatchObject({ status: "running", attempt: 2 });
  });

  test("an operation does not start beside a deployment, also if the queue assigns both", async () => {
    await deployed();
    const { deployments } = context.store;
    const queued = await deployments.create(aNewDeployment({ appId: app.id }));
    await deployments.compareAndSet(claim(queued, 1, { at: new Date(), lineCount: 0 }));
    const restart = await request();
    await expect(run(restart)).rejects.toMatchObject({ code: "internal" });
    expect((await after(restart)).status).toBe("pending");
    expect(calls).toEqual([]);
  });

  test("an operation of a deleted app ends", async () => {
    await deployed();
    const restart = await request();
    await change({ deletedAt: new Date() });
    await run(restart);
    expect(await after(restart)).toMatchObject({ status: "error", failure: { code: "aborted" } });
    expect(calls).toEqual([]);
  });

  test("an operation without an attempt left is ended, and its rollout is discarded", async () => {
    await deployed();
    const error = new SlipwayError("internal", "each worker that ran it ended or lost its connection");
    const lost = await request();
    await context.store.operations.compareAndSet(claimOperation(lost, 3, new Date()));
    await endAbandonedOperation(context, lost.id, error);
    await endAbandonedOperation(context, lost.id, error);
    expect(await after(lost)).toMatchObject({ status: "error", failure: { message: error.message } });
    expect(calls).toEqual([`discard ${lost.id} 3`]);
    const live = await request();
    await change({ currentRolloutId: live.id });
    await endAbandonedOperation(context, live.id, error);
    expect(calls).toHaveLength(1);
    expect(await requested()).toEqual([{ type: "promote-rollout", appId: app.id, rolloutId: live.id }]);
  });

  test("a rollout that serves and whose promotion failed in every attempt is promoted by housekeeping", async () => {
    await deployed();
    const restart = await request();
    const { promote } = context.scheduler;
    context.scheduler.promote = async () => {
      throw new SlipwayError("engine-unavailable", "the engine does not answer");
    };
    for (let attempt = 1; attempt < maxAttempts; attempt += 1)
      await expect(run(restart, attempt)).rejects.toMatchObject({ code: "engine-unavailable" });
    await run(restart, maxAttempts);
    expect(await after(restart)).toMatchObject({ status: "error" });
    expect((await now()).currentRolloutId).toBe(restart.id);
    context.scheduler.promote = promote;
    const jobs = await requested();
    expect(jobs).toEqual([{ type: "promote-rollout", appId: app.id, rolloutId: restart.id }]);
    for (const job of jobs) if (job.type === "promote-rollout") await promoteRollout(context, job);
    expect(calls.at(-1)).toBe(`promote ${restart.id} 1`);
  });

  test("a requested promotion of a rollout that was replaced does nothing", async () => {
    await deployed();
    await promoteRollout(context, { appId: app.id, rolloutId: "former" });
    expect(calls).toEqual([]);
  });

  test("observing apps stores and publishes their addresses, and leaves apps without a rollout unchanged", async () => {
    const idle = anApp();
    await context.store.apps.create(idle);
    await deployed();
    await observeApps(context);
    const moved = await now();
    expect(moved).toMatchObject({ targets: [next], revision: app.revision + 1 });
    await observeApps(context);
    expect(await now()).toEqual(moved);
    expect(await context.store.apps.get(idle.id)).toEqual(idle);
    expect(await context.redis.get(context.keys.appInstances(app.id))).not.toBeNull();
    expect(await context.redis.get(context.keys.appInstances(idle.id))).toBeNull();
  });

  test("an app that another process changes while it is observed is observed again", async () => {
    await deployed();
    const { addresses } = context.scheduler;
    context.scheduler.fingerprints = async () => new Map([[app.id, "running"]]);
    context.scheduler.addresses = async () => {
      await change({ webCount: 2 });
      return [next];
    };
    await observeApps(context);
    expect(await now()).toMatchObject({ targets: [serving], webCount: 2 });
    context.scheduler.addresses = addresses;
    await observeApps(context);
    expect(await now()).toMatchObject({ targets: [next], webCount: 2 });
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
  restartReason: null,
};
