import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SlipwayError } from "@slipway/core";
import type { BuildEngine, Deployment, Scheduler } from "@slipway/core";
import { leaseDeployment } from "@slipway/deployments";
import { openLogWriter, readLog } from "@slipway/logs";
import { maxAttempts } from "@slipway/queue";
import { aNewDeployment, anApp, lacksRedis } from "@slipway/testkit";
import { conclude } from "./conclude.ts";
import { deploymentPorts } from "./deployment-ports.ts";
import { openTestContext } from "../../test-support/test-context.ts";
import type { TestContext } from "../../test-support/test-context.ts";

describe.skipIf(await lacksRedis())("the end of a failed attempt", () => {
  let opened: AsyncDisposableStack;
  let context: TestContext<Pick<Scheduler, "discard">> & {
    readonly engine: Pick<BuildEngine, "removeSandboxes">;
  };

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const parts = await openTestContext(opened, { discard: async () => undefined });
    context = { ...parts, engine: { removeSandboxes: async () => 0 } };
  });
  afterEach(() => opened.disposeAsync());

  /** Runs an attempt whose phase writes the output and fails. @returns the log's lines and the stored deployment. */
  async function failedWith(failure: SlipwayError, output: string, { phase = "build", tryNumber = 1 } = {}) {
    const app = anApp();
    await context.store.apps.create(app);
    const { id: deploymentId } = await context.store.deployments.create(aNewDeployment({ appId: app.id }));
    const subject = { appId: app.id, deploymentId, attempt: 1 };
    const secrets = [{ variable: "TOKEN", text: "s3cr3t-value" }];
    const log = opened.use(await openLogWriter({ ...context, bus: context, ...subject, secrets }));
    const lease = await leaseDeployment(deploymentPorts(context), {
      ...subject,
      lineCount: 0,
      previousGitRef: null,
    });
    if (lease === null) throw new Error("the deployment is stored");
    opened.use(lease);
    if (phase === "start")
      for (const status of ["pushing", "starting"] as const) await lease.changeStatus(status, 0);
    log.line("Error: of an earlier phase");
    const thrown = await lease
      .phase(phase, log, async () => {
        await log.write(Buffer.from(output));
        throw failure;
      })
      .catch((reason: unknown) => reason);
    const task = { type: "deploy" as const, id: deploymentId, ...subject, tryNumber };
    const concluded = conclude(context, { lease, log }, task, thrown as SlipwayError);
    const rejected = await concluded.then(
      () => null,
      (reason: unknown) => reason,
    );
    const lines: string[] = [];
    for await (const batch of readLog({ bus: context, logs: context.store.logs, deploymentId, fromSeq: 1 }))
      lines.push(...batch.text.split("\n"));
    const deployment = (await context.store.deployments.get(deploymentId)) as Deployment;
    return { lines, deployment, rejected };
  }

  const buildpackFailed = new SlipwayError("build-failed", "the buildpack failed with exit code 7", {
    exitCode: 7,
  });

  test("the buildpack's own last line is the reason, and the log's last line", async () => {
    const output = "one\n !     package.json is not JSON.\n !     To fix it: remove the comma.\n";
    const { lines, deployment } = await failedWith(buildpackFailed, output);
    expect(deployment).toMatchObject({ status: "build-error", timeline: [{ outcome: "failed" }] });
    expect(deployment.failure).toEqual({
      code: "build-failed",
      message: "package.json is not JSON.",
      hint: "To fix it: remove the comma.",
      phase: "build",
      line: 3,
    });
    expect(lines.at(-1)).toBe(" !     To fix it: remove the comma.");
  });

  test("a program's last output is the reason, masked, and the log ends with one line of Slipway's", async () => {
    const output = "building\nfatal: cannot log in with s3cr3t-value\n";
    const { lines, deployment } = await failedWith(buildpackFailed, output);
    expect(deployment.failure).toMatchObject({ phase: "build", line: 3 });
    expect(deployment.failure?.message).toMatch(/^fatal: cannot log in with (?!s3cr3t)/);
    expect(deployment.failure?.hint).toContain("log");
    expect(lines[3]).toBe(" !     The buildpack failed with exit code 7");
    expect(lines.filter((line) => line.startsWith(" !     "))).toHaveLength(1);
  });

  test("a build without output is explained by its exit code", async () => {
    const { lines, deployment } = await failedWith(buildpackFailed, "");
    expect(deployment.failure).toMatchObject({ message: "the buildpack failed with exit code 7", line: 2 });
    expect(lines).toEqual(["Error: of an earlier phase", " !     The buildpack failed with exit code 7"]);
  });

  test("the last output of an app that crashes precedes how it ended", async () => {
    const crash = new SlipwayError("app-crashed", "the web process exited with code 1", { exitCode: 1 });
    const output = "Error: Cannot find module 'express'\n    at x (node:y)\n\nNode.js v24.21.0\n";
    const { deployment } = await failedWith(crash, output, { phase: "start" });
    expect(deployment).toMatchObject({
      status: "crashed-error",
      failure: {
        message: "Error: Cannot find module 'express' (the web process exited with code 1)",
        phase: "start",
        line: 2,
      },
    });
  });

  test("an error that explains itself is the reason, whatever the program printed", async () => {
    const error = new SlipwayError("build-timeout", "the build took longer than 30 minutes and was ended");
    const { lines, deployment } = await failedWith(error, "Error: something else\n");
    expect(deployment.failure).toMatchObject({ message: error.message, phase: "build", line: 3 });
    expect(deployment.failure?.hint).toContain("BUILD_TIMEOUT_MS");
    expect(lines.at(-1)).toBe(" !     The build took longer than 30 minutes and was ended");
  });

  test("a secret in an error's message is masked, since more users see it than may read variables", async () => {
    const error = new SlipwayError("build-failed", "the step RUN login s3cr3t-value failed with exit code 1");
    const { deployment } = await failedWith(error, "");
    expect(deployment.failure?.message).toBe("the step RUN login [masked] failed with exit code 1");
  });

  test("a failure of the platform ends the attempt as failed, and the last one the deployment", async () => {
    const error = new SlipwayError("engine-unavailable", "the engine does not answer");
    const first = await failedWith(error, "");
    expect(first.rejected).toBe(error);
    expect(first.deployment).toMatchObject({ status: "building", timeline: [{ outcome: "failed" }] });
    const last = await failedWith(error, "", { tryNumber: maxAttempts });
    expect(last.rejected).toBeNull();
    expect(last.deployment).toMatchObject({
      status: "aborted",
      failure: { code: "engine-unavailable", phase: "build", line: 2 },
      timeline: [{ outcome: "failed" }],
    });
  });
});
