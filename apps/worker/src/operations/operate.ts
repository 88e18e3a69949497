// Runs one attempt at an operation: starts a new rollout of the current release, which replaces the serving rollout.

import { releaseEnvironment } from "@slipway/buildpacks";
import {
  changeApp,
  endOperation,
  hasEnded,
  maxPendingOperations,
  notFound,
  SlipwayError,
  toSlipwayError,
  variablesFor,
} from "@slipway/core";
import type { App, Operation, Release, Scheduler, Store } from "@slipway/core";
import { leaseOperation } from "@slipway/deployments";
import type { OperationLease } from "@slipway/deployments";
import { secretsOf } from "@slipway/logs";
import { maxAttempts } from "@slipway/queue";
import type { LaneTask } from "@slipway/queue";
import { BootOutput } from "./boot-output.ts";
import { waitForFormerRollouts } from "../housekeeping/former-rollouts.ts";
import type { FormerRolloutsContext } from "../housekeeping/former-rollouts.ts";
import { requestPromotion } from "../housekeeping/promote-rollout.ts";
import type { RequestPromotionContext } from "../housekeeping/promote-rollout.ts";
import { noteInstances } from "../housekeeping/observe.ts";
import { promote, putInService } from "../deployments/put-in-service.ts";
import type { PutInServiceContext } from "../deployments/put-in-service.ts";
import { rolloutOf } from "../deployments/rollout.ts";
import type { RolloutContext } from "../deployments/rollout.ts";

interface StoreContext {
  readonly store: Pick<Store, "apps" | "deployments" | "operations" | "releases" | "variables">;
  readonly now: () => Date;
}

export type OperationContext = StoreContext &
  RolloutContext &
  FormerRolloutsContext &
  PutInServiceContext & { readonly scheduler: Pick<Scheduler, "start" | "discard"> };

export type EndOperationContext = StoreContext &
  RequestPromotionContext & { readonly scheduler: Pick<Scheduler, "discard"> };

/** Resolves when the operation has ended; rejects as documented for RunAttempt. */
export async function operate(context: OperationContext, task: LaneTask, signal: AbortSignal): Promise<void> {
  const lease = await leaseOperation(context, { ...task, operationId: task.id });
  if (lease === null) return;
  try {
    const app = await context.store.apps.get(task.appId);
    if (app === null || app.deletedAt !== null) throw new SlipwayError("aborted", "the app was deleted");
    const restarts = await waitingRestarts(context, app);
    const everyProcessIsNew = await run(context, lease, app, signal);
    if (everyProcessIsNew) for (const restart of restarts) await endFulfilled(context, restart);
    await lease.end(null);
  } catch (thrown) {
    await conclude(context, lease, task, toSlipwayError(signal.aborted ? signal.reason : thrown));
  }
}

/**
 * Ends an operation that no attempt will end. Promotes the rollout that the operation started if it serves, otherwise removes it.
 * Idempotent.
 * @returns the operation if this call has ended it, otherwise null.
 */
export async function endAbandonedOperation(
  context: EndOperationContext,
  id: string,
  { code, message }: SlipwayError,
): Promise<Operation | null> {
  const { store, scheduler, now } = context;
  for (;;) {
    const found = await store.operations.get(id);
    if (found === null || hasEnded(found)) return null;
    const { appId, attempt } = found;
    const serves = (await store.apps.get(appId))?.currentRolloutId === id;
    // Before the end is stored, so that a failed removal is repeated.
    if (serves) await requestPromotion(context, { appId, rolloutId: id });
    else await scheduler.discard(appId, id, { attempt });
    const ended = endOperation(found, now(), { code, message });
    if (await store.operations.compareAndSet(ended)) return ended;
  }
}

/** @returns whether every process of the app was restarted. */
async function run(
  context: OperationContext,
  lease: OperationLease,
  app: App,
  signal: AbortSignal,
): Promise<boolean> {
  const { operation } = lease;
  const count = operation.webCount ?? app.webCount;
  if (app.currentRolloutId === operation.id) {
    // An earlier attempt died after it had put the rollout into service: complete that attempt's work.
    await promote(context, { app, rolloutId: operation.id, count: app.webCount, holder: lease, signal });
    return true;
  }
  if (app.currentReleaseId === null) {
    if (operation.kind === "restart")
      throw new SlipwayError("conflict", "the app has no release yet; deploy it first");
    await setWebCount(context, app, count);
    return false;
  }
  if (operation.kind === "scale" && count === app.webCount) return false;
  const release = await context.store.releases.get(app.currentReleaseId);
  if (release === null) throw notFound("release");
  await roll(context, lease, { app, release, count, signal });
  return true;
}

async function roll(
  context: OperationContext,
  lease: OperationLease,
  next: {
    readonly app: App;
    readonly release: Release;
    readonly count: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { store, scheduler } = context;
  const { app, release, count, signal } = next;
  const { id: rolloutId, attempt } = lease.operation;
  const stored = await store.variables.list(app.id);
  const variables = variablesFor("run", stored);
  const environment = releaseEnvironment({ variables, configVars: release.defaults });
  const own = { rolloutId, count, deploymentId: null, attempt };
  const spec = rolloutOf(context, app, { ...release, environment }, own);
  const output = new BootOutput(secretsOf(stored));
  const onOutput = (bytes: Uint8Array) => output.write(bytes);
  await waitForFormerRollouts(context, { app, rolloutId, onWait: () => undefined, signal });
  const targets = await scheduler.start(spec, { onOutput, signal }).catch(async (error: unknown) => {
    await noteInstances(context, app.id);
    throw explained(toSlipwayError(error), output.tail());
  });
  try {
    await lease.confirm();
  } catch (error) {
    await scheduler.discard(app.id, rolloutId, { attempt });
    throw error;
  }
  await putInService(context, {
    app,
    releaseId: release.id,
    rolloutId,
    targets,
    count,
    lastDeployedAt: null,
    holder: lease,
    signal,
  });
}

async function conclude(
  context: OperationContext,
  lease: OperationLease,
  task: LaneTask,
  error: SlipwayError,
): Promise<void> {
  if (error.code === "lease-lost") throw error;
  if (error.code === "requeued") {
    await lease.requeue();
    throw error;
  }
  if (error.fault === "platform") {
    const { id: operation, attempt } = task;
    context.logger.error({ err: error, operation, attempt }, "an attempt at an operation failed");
    if (error.code === "store-unavailable" || (error.retryable && task.tryNumber < maxAttempts)) throw error;
  }
  await lease.end({ code: error.code, message: error.message });
}

/** Pending restarts, which a new rollout of all processes fulfills. */
async function waitingRestarts({ store }: StoreContext, app: App): Promise<Operation[]> {
  const pending = await store.operations.pending(app.id, maxPendingOperations);
  return pending.filter(({ kind }) => kind === "restart");
}

/** If another attempt has changed a restart in the meantime, that attempt ends it. */
async function endFulfilled({ store, now }: StoreContext, restart: Operation): Promise<void> {
  await store.operations.compareAndSet(endOperation(restart, now(), null));
}

async function setWebCount({ store, now }: StoreContext, seen: App, webCount: number): Promise<void> {
  for (let app: App | null = seen; ; app = await store.apps.get(seen.id)) {
    if (app === null) throw notFound("app");
    if (await store.apps.compareAndSet(changeApp(app, now(), { webCount }))) return;
  }
}

/** Adds the app's last output to a failure of the app. */
function explained(error: SlipwayError, output: string): SlipwayError {
  if (error.fault === "platform" || output === "") return error;
  return new SlipwayError(error.code, `${error.message}; it wrote:\n${output}`, { cause: error });
}
