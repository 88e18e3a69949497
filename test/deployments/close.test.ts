import { createHash } from "node:crypto";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeStatus, claim, failureOf, SlipwayError } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { abandonDeployment, sealAbandoned } from "@slipway/deployments";
import type { AbandonContext } from "@slipway/deployments";
import { deploymentEvents, logCloser, openLogWriter } from "@slipway/logs";
import { redisKeys } from "@slipway/protocol";
import { openStore } from "@slipway/store";
import { aNewDeployment, lacksRedis, startRedis, testTime } from "@slipway/testkit";

const keys = redisKeys("test");
const now = () => testTime;
const workersDied = new SlipwayError("internal", "each worker that ran it ended or lost its connection");

describe.skipIf(await lacksRedis())("a deployment without a running attempt", () => {
  let opened: AsyncDisposableStack;
  let store: Store;
  let redis: Redis;
  let context: AbandonContext;
  let removed: string[];
  let deployment: Deployment;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-deployments-"))).path;
    const server = opened.use(await startRedis());
    redis = opened.adopt(new Redis(server.url), (client) => client.disconnect());
    store = opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` }));
    removed = [];
    context = {
      store,
      now,
      events: deploymentEvents({ redis, keys }),
      closeLog: logCloser({ bus: { redis, keys }, store, now }),
      removeLeftovers: async ({ id }) => void removed.push(id),
    };
    const queued = await store.deployments.create(aNewDeployment());
    deployment = claim(queued, 1, { at: testTime, lineCount: 0 });
    await store.deployments.compareAndSet(deployment);
  });
  afterEach(() => opened.disposeAsync());

  const stored = async () => {
    const found = await store.deployments.get(deployment.id);
    if (found === null) throw new Error("the deployment is not stored");
    return found;
  };
  const logText = async () =>
    (await store.logs.read(deployment.id, 1, 100)).map(({ text }) => `${text}\n`).join("");

  test("a deployment is sealed by one of several processes, and its former attempt cannot write any more", async () => {
    const { id: deploymentId, appId, attempt } = deployment;
    await using former = await openLogWriter({
      bus: { redis, keys },
      store,
      now,
      appId,
      deploymentId,
      attempt,
      secrets: [],
    });
    former.line("-----> Building");
    await former.flush();
    const failure = failureOf({ code: "aborted", message: "by ada" });
    const aborted = changeStatus(deployment, "aborted", {
      at: testTime,
      lineCount: null,
      facts: { failure },
    });
    expect(await store.deployments.compareAndSet(aborted)).toBe(true);

    await Promise.all([1, 2, 3].map(() => sealAbandoned(context, aborted)));

    const text = "-----> Building\n !     Aborted: by ada\n";
    expect(await logText()).toBe(text);
    const logSha256 = createHash("sha256").update(text).digest("hex");
    expect(await stored()).toMatchObject({ status: "aborted", attempt: 2, logLineCount: 2, logSha256 });
    former.line("too late");
    await expect(former.flush()).rejects.toMatchObject({ code: "lease-lost" });
    expect(await logText()).toBe(text);
  });

  test("of three processes that seal a deployment, one writes to its log", async () => {
    const facts = { failure: failureOf({ code: "aborted", message: "by ada" }) };
    const aborted = changeStatus(deployment, "aborted", { at: testTime, lineCount: null, facts });
    expect(await store.deployments.compareAndSet(aborted)).toBe(true);
    const attempts: number[] = [];
    const closeLog: AbandonContext["closeLog"] = async (closed, line) => {
      attempts.push(closed.attempt);
      return context.closeLog(closed, line);
    };
    await Promise.all([1, 2, 3].map(() => sealAbandoned({ ...context, closeLog }, aborted)));
    expect(attempts).toEqual([2]);
  });

  test("an abandoned deployment ends with the reason in its log, after its leftovers were removed", async () => {
    await abandonDeployment(context, deployment.id, workersDied);
    await abandonDeployment(context, deployment.id, workersDied);
    expect(removed).toEqual([deployment.id]);
    expect(await logText()).toBe(
      " !     The platform failed: each worker that ran it ended or lost its connection\n",
    );
    expect(await stored()).toMatchObject({
      status: "aborted",
      logLineCount: 1,
      failure: { code: "internal", message: workersDied.message },
    });
  });

  test("an abandoned deployment stays unfinished while its leftovers cannot be removed", async () => {
    const failing = {
      ...context,
      removeLeftovers: () => Promise.reject(new Error("the engine is unavailable")),
    };
    await expect(abandonDeployment(failing, deployment.id, workersDied)).rejects.toThrow(
      "the engine is unavailable",
    );
    expect(await stored()).toEqual(deployment);
  });

  test("a deployment whose log is closed stays unchanged", async () => {
    await abandonDeployment(context, deployment.id, workersDied);
    const ended = await stored();
    await sealAbandoned(context, ended);
    expect(await stored()).toEqual(ended);
  });
});
