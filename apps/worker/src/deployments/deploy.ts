// Runs one attempt at a deployment, from its claim to its end: the order of the phases and the handling of failures.

import { isFinal, label, outcomeOf, SlipwayError, toSlipwayError } from "@slipway/core";
import type { App, FinalStatus, RunningStatus, Sandbox } from "@slipway/core";
import { abandonDeployment, leaseDeployment, sealAbandoned } from "@slipway/deployments";
import type { DeploymentLease } from "@slipway/deployments";
import { openLogWriter, secretsOf } from "@slipway/logs";
import { maxAttempts } from "@slipway/queue";
import type { LaneTask } from "@slipway/queue";
import { labelsOf } from "./attempt.ts";
import type { Attempt } from "./attempt.ts";
import { restoreCache, saveCache } from "./cache.ts";
import { deploymentContext } from "./deployment-context.ts";
import { build } from "./phases/build.ts";
import { fetchSource } from "./phases/fetch.ts";
import { push } from "./phases/push.ts";
import { makeRelease } from "./phases/release.ts";
import { reuse } from "./phases/reuse.ts";
import { resume, start } from "./phases/start.ts";
import { unpack } from "./phases/unpack.ts";
import type { Platform } from "../platform.ts";
import { decideUnneeded } from "../housekeeping/prune-images.ts";

/** Interval of lease checks, in addition to those of every step. */
const leaseCheckMs = 5_000;

/** Resolves when the deployment is final; rejects as RunAttempt says. */
export async function deploy(platform: Platform, task: LaneTask, signal: AbortSignal): Promise<void> {
  const context = deploymentContext(platform);
  const found = await platform.store.deployments.get(task.id);
  const app = await platform.store.apps.get(task.appId);
  if (found === null) return;
  if (isFinal(found.status)) return sealAbandoned(context, found);
  if (app === null || app.deletedAt !== null) {
    await abandonDeployment(context, found.id, new SlipwayError("aborted", "the app was deleted"));
    return;
  }
  const variables = await platform.store.variables.list(app.id);
  await using log = await openLogWriter({
    redis: platform.redis,
    keys: platform.keys,
    store: platform.store,
    appId: app.id,
    deploymentId: found.id,
    attempt: task.attempt,
    secrets: secretsOf(variables),
    now: platform.now,
    limits: { outputBytes: platform.config.limits.logBytes },
  });
  const lease = await leaseDeployment(context, {
    deploymentId: found.id,
    attempt: task.attempt,
    lineCount: log.lastSeq,
    previousGitRef: await currentGitRef(platform, app),
  });
  if (lease === null) return;
  using watch = watchLease(platform, lease);
  const attempt: Attempt = {
    platform,
    lease,
    app,
    variables: Object.fromEntries(variables.map(({ name, value }) => [name, value])),
    log,
    signal: AbortSignal.any([signal, watch.signal]),
  };
  try {
    const { releaseId, source } = lease.deployment;
    if (releaseId !== null) await resume(attempt, releaseId);
    else if (source.kind === "release") await deployAgain(attempt, source.releaseId);
    else await pipeline(attempt);
  } catch (thrown) {
    const error = attempt.signal.aborted ? attempt.signal.reason : thrown;
    // Awaited here: the log and the lease watch are disposed of when this function returns.
    await conclude(attempt, task, toSlipwayError(error));
    return;
  }
  await decideOldImages(attempt);
  await end(attempt, "success", null);
  await requestPruning(attempt);
}

/** fetch → unpack → build → push → release → start */
async function pipeline(attempt: Attempt): Promise<void> {
  const { platform } = attempt;
  await platform.engine.removeSandboxes(withoutAttempt(labelsOf(attempt)));
  await using sandbox = await filledSandbox(attempt);
  const built = await build(attempt, sandbox);
  const image = await push(attempt, sandbox, built);
  const release = await makeRelease(attempt, built, image);
  // The start mostly waits for the app, so the cache is saved at the same time. Both end before the sandbox is removed.
  const facts = {
    image: image.reference,
    imageSizeBytes: image.sizeBytes,
    stackImage: platform.config.stackImage,
  };
  const outcomes = await Promise.allSettled([start(attempt, release, facts), saveCache(attempt, sandbox)]);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** The source and the cache in a sandbox. After a cache that cannot be restored it is another sandbox, with the source only. */
async function filledSandbox(attempt: Attempt): Promise<Sandbox> {
  for (;;) {
    await using archive = await fetchSource(attempt);
    await using owned = new AsyncDisposableStack();
    const sandbox = owned.use(await unpack(attempt, archive));
    if (!(await restoreCache(attempt, sandbox))) continue;
    owned.move();
    return sandbox;
  }
}

/** An earlier release's image: reuse → start */
async function deployAgain(attempt: Attempt, releaseId: string): Promise<void> {
  const { release, image } = await reuse(attempt, releaseId);
  await start(attempt, release, image);
}

/** A failure does not affect the release: the app's next deployment decides again. */
async function decideOldImages({ platform, app, lease }: Attempt): Promise<void> {
  await decideUnneeded(platform, app.id, lease).catch((error: unknown) =>
    platform.logger.warn({ err: error, deployment: lease.deployment.id }, "cannot decide on old images"),
  );
}

/** Never rejects: the app's next deployment requests it again. */
async function requestPruning({ platform, app, lease }: Attempt): Promise<void> {
  const requested = platform.housekeeping.request({ type: "prune-images", appId: app.id });
  await requested.catch((error: unknown) =>
    platform.logger.warn(
      { err: error, deployment: lease.deployment.id },
      "cannot request the removal of old images",
    ),
  );
}

async function conclude(attempt: Attempt, task: LaneTask, error: SlipwayError): Promise<void> {
  const { platform, lease, log } = attempt;
  if (error.code === "lease-lost") {
    await keepLog(attempt);
    throw error;
  }
  if (error.code === "aborted") {
    log.line(` !     Aborted: ${await lease.abortReason()}`);
    return lease.seal(await log.end());
  }
  if (error.code === "requeued") {
    log.line(" !     This worker is shutting down: the deployment goes back to its queue");
    await log.flush();
    // A deployment whose release is already going live keeps its status: the next attempt completes it.
    if (lease.deployment.releaseId === null) await lease.changeStatus("queued", log.lastSeq);
    throw error;
  }
  if (error.fault === "user") {
    log.line(` !     ${sentence(error.message)}`);
    return end(attempt, outcomeOf(error.code, lease.deployment.status as RunningStatus), error);
  }
  platform.logger.error(
    { err: error, deployment: lease.deployment.id, attempt: task.attempt },
    "an attempt failed",
  );
  // Without the database neither the end nor the retry can be stored.
  if (error.code === "store-unavailable") throw error;
  const again = error.retryable && task.tryNumber < maxAttempts;
  log.line(
    ` !     The platform failed: ${error.message}${again ? `; trying again (${task.tryNumber + 1} of ${maxAttempts})` : ""}`,
  );
  if (!again) return end(attempt, lease.deployment.releaseId === null ? "aborted" : "crashed-error", error);
  await log.flush();
  throw error;
}

/** Stores the last lines: if no other attempt has claimed the deployment yet, the next one continues after them. */
async function keepLog({ platform, log, lease }: Attempt): Promise<void> {
  try {
    await log.storePublished();
  } catch (error) {
    if (toSlipwayError(error).code === "lease-lost") return;
    platform.logger.warn({ err: error, deployment: lease.deployment.id }, "cannot keep the log's last lines");
  }
}

async function end({ lease, log }: Attempt, status: FinalStatus, error: SlipwayError | null): Promise<void> {
  const { lineCount, sha256 } = await log.end();
  const failure = error === null ? null : { code: error.code, message: error.message };
  await lease.changeStatus(status, lineCount, { failure, logLineCount: lineCount, logSha256: sha256 });
}

/** Aborts its signal when the store shows that the lease is lost: the message about it may have been lost. */
function watchLease(platform: Platform, lease: DeploymentLease): { signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  let checking = false;
  const timer = setInterval(() => {
    if (checking) return;
    checking = true;
    lease
      .check()
      .catch((error: unknown) => {
        const reason = toSlipwayError(error);
        if (reason.code === "aborted" || reason.code === "lease-lost") controller.abort(reason);
        else platform.logger.warn({ err: error }, "cannot check a lease; the next step checks it again");
      })
      .finally(() => {
        checking = false;
      });
  }, leaseCheckMs);
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
}

async function currentGitRef(platform: Platform, app: App): Promise<string | null> {
  if (app.currentReleaseId === null) return null;
  return (await platform.store.releases.get(app.currentReleaseId))?.gitRef ?? null;
}

function withoutAttempt(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => name !== label.attempt));
}

function sentence(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
