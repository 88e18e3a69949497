// Puts right what a lost message, a dead worker or a lost Redis left: every lane moves, every running deployment
// and operation has a job.

import type { Deployment, DeploymentStore, Operation, OperationStore } from "@slipway/core";
import { SlipwayError } from "@slipway/core";
import { attemptLimit } from "./lanes.ts";
import type { Lanes } from "./lanes.ts";

export interface ReconcileOptions {
  readonly deployments: DeploymentStore;
  readonly operations: OperationStore;
  readonly lanes: Lanes;
  /** How long a worker whose job is gone from Redis may not know of it: its deployment is left to it for that long. */
  readonly leaseMs: number;
  /** A running deployment's job has failed for good: make it final. */
  readonly onExhausted: (deploymentId: string, error: SlipwayError) => Promise<void>;
  /** The same of an operation. */
  readonly onOperationExhausted: (operationId: string, error: SlipwayError) => Promise<void>;
  /** Told of what could not be put right; the others are, and the next pass tries this again. */
  readonly onError: (error: unknown, what: string) => void;
}

/** Idempotent, and safe to run on several workers at once. */
export async function reconcile(options: ReconcileOptions): Promise<void> {
  const { deployments, operations, lanes } = options;
  // One that cannot be put right, since an engine is away for instance, must not hold up all others.
  const putRight = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      options.onError(error, `cannot put ${what} right`);
    }
  };
  for (const deployment of await deployments.allRunning()) {
    await putRight(`deployment ${deployment.id}`, () =>
      resume(options, deployment, {
        now: () => deployments.get(deployment.id),
        end: (error) => options.onExhausted(deployment.id, error),
        requeue: (delayMs) => lanes.requeue(deployment, delayMs),
      }),
    );
  }
  for (const operation of await operations.allRunning()) {
    await putRight(`operation ${operation.id}`, () =>
      resume(options, operation, {
        now: () => operations.get(operation.id),
        end: (error) => options.onOperationExhausted(operation.id, error),
        requeue: (delayMs) => lanes.requeueOperation(operation, delayMs),
      }),
    );
  }
  const waiting = [...(await operations.waitingApps()), ...(await deployments.waitingApps())];
  for (const appId of new Set(waiting)) {
    await putRight(`the lane of app ${appId}`, async () => {
      const heads = [...(await operations.pending(appId, 1)), ...(await deployments.lane(appId, 1))];
      // A head whose job has ended (it was handed back, or Redis and store disagree) could get no new job under its id.
      for (const { id } of heads) await lanes.removeJob(id);
      await lanes.advance(appId);
    });
  }
}

/** What is running needs a job, or its end. */
async function resume(
  { lanes, leaseMs }: ReconcileOptions,
  seen: Deployment | Operation,
  work: {
    readonly now: () => Promise<Deployment | Operation | null>;
    readonly end: (error: SlipwayError) => Promise<void>;
    readonly requeue: (delayMs: number) => Promise<void>;
  },
): Promise<void> {
  const state = await lanes.jobState(seen.id);
  // Changed since its job was looked up: a worker is at it.
  if (state === "live" || (await work.now())?.revision !== seen.revision) return;
  if (state === "failed" || seen.attempt >= attemptLimit) {
    const reason = (await lanes.failureOf(seen.id)) ?? "the workers that ran it died";
    await work.end(new SlipwayError("internal", reason));
    return;
  }
  await lanes.removeJob(seen.id);
  await work.requeue(state === "gone" ? leaseMs : 0);
}
