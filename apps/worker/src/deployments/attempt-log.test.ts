import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeStatus, claim, claimOperation, endOperation, SlipwayError } from "@slipway/core";
import type { App, Deployment, ErrorCode, Operation } from "@slipway/core";
import { abandonDeployment } from "@slipway/deployments";
import { maxAttempts } from "@slipway/queue";
import { createLogger } from "@slipway/service";
import { aNewDeployment, anApp, anOperation, lacksRedis } from "@slipway/testkit";
import { logAttempt, logEnd } from "./attempt-log.ts";
import { deploymentContext } from "./deployment-context.ts";
import { endAbandonedOperation } from "../operations/operate.ts";
import type { Platform } from "../platform.ts";
import { testPlatform } from "../../test-support/test-context.ts";

type Line = Record<string, unknown>;

describe.skipIf(await lacksRedis())("the log of attempts", () => {
  let opened: AsyncDisposableStack;
  let platform: Platform;
  let lines: Line[];
  let app: App;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    lines = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
    const parts = await testPlatform(opened, { discard: async () => undefined });
    const engine: Partial<Platform["engine"]> = { removeSandboxes: async () => 0 };
    const logger = createLogger({ name: "worker", destination });
    platform = { ...parts, engine: engine as Platform["engine"], logger };
    app = anApp();
    await platform.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  const newDeployment = () => platform.store.deployments.create(aNewDeployment({ appId: app.id }));
  const deployTask = ({ id }: Deployment, attempt = 1) => ({
    type: "deploy" as const,
    id,
    appId: app.id,
    attempt,
    tryNumber: attempt,
  });

  async function newOperation(): Promise<Operation> {
    const operation = anOperation({ appId: app.id, webCount: null });
    await platform.store.operations.create(operation);
    return operation;
  }

  const about = { app: "", appName: "", name: "worker", level: 30, attempt: 1 };
  const ofApp = () => ({ ...about, app: app.id, appName: app.name });
  const durationMs = expect.any(Number);

  test("has a line for the start of a deployment and one for its end, with the status it came to", async () => {
    const deployment = await newDeployment();
    await logAttempt(platform, deployTask(deployment), async () => {
      expect(lines).toMatchObject([
        { ...ofApp(), deployment: deployment.id, msg: "deployment attempt started" },
      ]);
      const held = claim(deployment, 1, { at: new Date(), lineCount: 0 });
      await platform.store.deployments.compareAndSet(held);
      const failure = { code: "build-failed", message: "see https://user:secret@example.com" } as const;
      const facts = { failure };
      await platform.store.deployments.compareAndSet(
        changeStatus(held, "build-error", { at: new Date(), lineCount: 0, facts }),
      );
    });
    const ended = { status: "build-error", reason: "build-failed", durationMs };
    const line = { ...ofApp(), deployment: deployment.id, msg: "deployment attempt ended", ...ended };
    expect(lines.slice(1)).toMatchObject([line]);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  test("has the same of an operation, without a reason where there is none", async () => {
    const operation = await newOperation();
    const task = { type: "operate" as const, id: operation.id, appId: app.id, attempt: 1, tryNumber: 1 };
    await logAttempt(platform, task, async () => {
      const held = claimOperation(operation, 1, new Date());
      await platform.store.operations.compareAndSet(held);
      await platform.store.operations.compareAndSet(endOperation(held, new Date(), null));
    });
    const common = { ...ofApp(), operation: operation.id };
    expect(lines).toMatchObject([
      { ...common, msg: "operation attempt started" },
      { ...common, msg: "operation attempt ended", status: "done", durationMs },
    ]);
    expect(lines[1]).not.toHaveProperty("reason");
  });

  test.for<[ErrorCode, number, string]>([
    ["requeued", 1, "requeued"],
    ["engine-unavailable", 1, "requeued"],
    ["store-unavailable", maxAttempts, "requeued"],
    ["engine-unavailable", maxAttempts, "failed"],
    ["configuration-invalid", 1, "failed"],
    ["lease-lost", 1, "lost"],
  ])("says what follows %s at try %i: %s", async ([reason, attempt, status]) => {
    const deployment = await newDeployment();
    const error = new SlipwayError(reason, "it did not go well");
    const attempted = logAttempt(platform, deployTask(deployment, attempt), () => Promise.reject(error));
    await expect(attempted).rejects.toBe(error);
    expect(lines).toMatchObject([
      { deployment: deployment.id, attempt },
      { deployment: deployment.id, attempt, status, reason, durationMs, level: 30 },
    ]);
  });

  test("names an app that is gone by its id, and a deployment that is gone as such", async () => {
    const task = { type: "deploy" as const, id: "gone", appId: "nowhere", attempt: 1, tryNumber: 1 };
    await logAttempt(platform, task, async () => undefined);
    expect(lines).toMatchObject([{ app: "nowhere" }, { app: "nowhere", status: "gone" }]);
    expect(lines[0]).not.toHaveProperty("appName");
  });

  test("an unavailable store stops no attempt, and is logged", async () => {
    const away = new SlipwayError("store-unavailable", "the database is away");
    const fails = { get: () => Promise.reject(away) };
    const store = { ...platform.store, apps: fails, deployments: fails } as unknown as Platform["store"];
    const deployment = await newDeployment();
    let ran = false;
    await logAttempt({ ...platform, store }, deployTask(deployment), async () => {
      ran = true;
    });
    expect(ran).toBe(true);
    const told = lines.filter(({ level }) => level === 40);
    expect(told.map(({ err }) => err)).toMatchObject([{ code: away.code }, { code: away.code }]);
    expect(lines.filter(({ level }) => level === 30)).toMatchObject([
      { deployment: deployment.id, msg: "deployment attempt started" },
      { deployment: deployment.id, msg: "deployment attempt ended", status: "unknown" },
    ]);
  });

  test("has one line for what is ended without an attempt, however many end it", async () => {
    const dead = new SlipwayError("internal", "the workers that ran it died");
    const deployment = await newDeployment();
    const operation = claimOperation(await newOperation(), 3, new Date());
    await platform.store.operations.compareAndSet(operation);
    const context = deploymentContext(platform);
    for (let count = 0; count < 2; count += 1) {
      await logEnd(platform, await abandonDeployment(context, deployment.id, dead));
      await logEnd(platform, await endAbandonedOperation(platform, operation.id, dead));
    }
    const ended = { ...ofApp(), reason: "internal" };
    expect(lines).toMatchObject([
      { ...ended, deployment: deployment.id, attempt: 1, status: "aborted" },
      { ...ended, operation: operation.id, attempt: 3, status: "error" },
    ]);
    expect(lines.map(({ msg }) => msg)).toEqual([
      "deployment ended without an attempt",
      "operation ended without an attempt",
    ]);
  });
});
