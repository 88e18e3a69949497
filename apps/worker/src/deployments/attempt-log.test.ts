import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeStatus, claim, claimOperation, endOperation, failureOf, SlipwayError } from "@slipway/core";
import type { App, BuildEngine, Deployment, ErrorCode, Operation, Scheduler } from "@slipway/core";
import { abandonDeployment, leaseDeployment } from "@slipway/deployments";
import { maxAttempts } from "@slipway/queue";
import { createLogger } from "@slipway/service";
import { aNewDeployment, anApp, anOperation, lacksRedis } from "@slipway/testkit";
import { logAttempt, logEnd } from "./attempt-log.ts";
import { deploymentPorts } from "./deployment-ports.ts";
import { endAbandonedOperation } from "../operations/operate.ts";
import { openTestContext } from "../../test-support/test-context.ts";
import type { TestContext } from "../../test-support/test-context.ts";

type Line = Record<string, unknown>;

describe.skipIf(await lacksRedis())("the worker's log", () => {
  let opened: AsyncDisposableStack;
  let context: TestContext<Pick<Scheduler, "discard">> & {
    readonly engine: Pick<BuildEngine, "removeSandboxes">;
  };
  let lines: Line[];
  let app: App;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    lines = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
    const parts = await openTestContext(opened, { discard: async () => undefined });
    const engine = { removeSandboxes: async () => 0 };
    const logger = createLogger({ name: "worker", destination });
    context = { ...parts, engine, logger };
    app = anApp();
    await context.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  const newDeployment = () => context.store.deployments.create(aNewDeployment({ appId: app.id }));
  const deployTask = ({ id }: Deployment, attempt = 1) => ({
    type: "deploy" as const,
    id,
    appId: app.id,
    attempt,
    tryNumber: attempt,
  });

  async function newOperation(): Promise<Operation> {
    const operation = anOperation({ appId: app.id, webCount: null });
    await context.store.operations.create(operation);
    return operation;
  }

  const about = { app: "", appName: "", name: "worker", level: 30, attempt: 1 };
  const ofApp = () => ({ ...about, app: app.id, appName: app.name });
  const durationMs = expect.any(Number);

  test("the start and the end of a deployment's attempt are logged, with the stored status", async () => {
    const deployment = await newDeployment();
    await logAttempt(context, deployTask(deployment), async () => {
      expect(lines).toMatchObject([
        { ...ofApp(), deployment: deployment.id, msg: "deployment attempt started" },
      ]);
      const claimed = claim(deployment, 1, { at: new Date(), lineCount: 0 });
      await context.store.deployments.compareAndSet(claimed);
      const failure = failureOf({ code: "build-failed", message: "see https://user:secret@example.com" });
      const facts = { failure };
      await context.store.deployments.compareAndSet(
        changeStatus(claimed, "build-error", { at: new Date(), lineCount: 0, facts }),
      );
    });
    const ended = { status: "build-error", reason: "build-failed", durationMs };
    const line = { ...ofApp(), deployment: deployment.id, msg: "deployment attempt ended", ...ended };
    expect(lines.slice(1)).toMatchObject([line]);
    expect(JSON.stringify(lines)).not.toContain("secret");
  });

  test("the start and the end of a phase are logged, with its outcome and duration", async () => {
    const deployment = await newDeployment();
    const claim1 = { deploymentId: deployment.id, attempt: 1, lineCount: 0, previousGitRef: null };
    const lease = await leaseDeployment(deploymentPorts(context), claim1);
    const log = { lastSeq: 0 };
    await lease?.phase("push", log, async (phase) => phase.addBytes(7));
    await expect(lease?.phase("start", log, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const common = { app: app.id, deployment: deployment.id, attempt: 1, level: 30 };
    expect(lines).toMatchObject([
      { ...common, phase: "push", msg: "deployment phase started" },
      { ...common, phase: "push", outcome: "success", bytes: 7, durationMs, msg: "deployment phase ended" },
      { ...common, phase: "start", msg: "deployment phase started" },
      { ...common, phase: "start", outcome: "failed", durationMs, msg: "deployment phase ended" },
    ]);
    lease?.[Symbol.dispose]();
  });

  test("the start and the end of an operation's attempt are logged, without a reason if it succeeded", async () => {
    const operation = await newOperation();
    const task = { type: "operate" as const, id: operation.id, appId: app.id, attempt: 1, tryNumber: 1 };
    await logAttempt(context, task, async () => {
      const claimed = claimOperation(operation, 1, new Date());
      await context.store.operations.compareAndSet(claimed);
      await context.store.operations.compareAndSet(endOperation(claimed, new Date(), null));
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
  ])("an attempt that fails with %s at try %i is logged as %s", async ([reason, attempt, status]) => {
    const deployment = await newDeployment();
    const error = new SlipwayError(reason, "the attempt failed");
    const attempted = logAttempt(context, deployTask(deployment, attempt), () => Promise.reject(error));
    await expect(attempted).rejects.toBe(error);
    expect(lines).toMatchObject([
      { deployment: deployment.id, attempt },
      { deployment: deployment.id, attempt, status, reason, durationMs, level: 30 },
    ]);
  });

  test("an attempt is logged with the app's id alone and the status gone if app and deployment do not exist", async () => {
    const task = { type: "deploy" as const, id: "missing", appId: "missing-app", attempt: 1, tryNumber: 1 };
    await logAttempt(context, task, async () => undefined);
    expect(lines).toMatchObject([{ app: "missing-app" }, { app: "missing-app", status: "gone" }]);
    expect(lines[0]).not.toHaveProperty("appName");
  });

  test("an attempt runs although the store is unavailable for the log, which warns", async () => {
    const unavailable = new SlipwayError("store-unavailable", "the database does not respond");
    const fails = { get: () => Promise.reject(unavailable) };
    const store = { ...context.store, apps: fails, deployments: fails };
    const deployment = await newDeployment();
    let ran = false;
    await logAttempt({ ...context, store }, deployTask(deployment), async () => {
      ran = true;
    });
    expect(ran).toBe(true);
    const warnings = lines.filter(({ level }) => level === 40);
    expect(warnings.map(({ err }) => err)).toMatchObject([
      { code: unavailable.code },
      { code: unavailable.code },
    ]);
    expect(lines.filter(({ level }) => level === 30)).toMatchObject([
      { deployment: deployment.id, msg: "deployment attempt started" },
      { deployment: deployment.id, msg: "deployment attempt ended", status: "unknown" },
    ]);
  });

  test("the end of a deployment or an operation without an attempt is logged once, also if it is repeated", async () => {
    const dead = new SlipwayError("internal", "each worker that ran it ended or lost its connection");
    const deployment = await newDeployment();
    const operation = claimOperation(await newOperation(), 3, new Date());
    await context.store.operations.compareAndSet(operation);
    const ports = deploymentPorts(context);
    for (let count = 0; count < 2; count += 1) {
      await logEnd(context, await abandonDeployment(ports, deployment.id, dead));
      await logEnd(context, await endAbandonedOperation(context, operation.id, dead));
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
