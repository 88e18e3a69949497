// The lease of one attempt at a deployment: claim, status changes, going live, requeue, and the seal of its log.

import {
  changeStatus,
  claim,
  goLive,
  isFinal,
  notFound,
  sealLog,
  SlipwayError,
  takeOver,
} from "@slipway/core";
import type {
  Deployment,
  DeploymentEvents,
  DeploymentFacts,
  DeploymentStatus,
  LogSummary,
  Store,
} from "@slipway/core";
import { storeChange } from "./compare-and-set.ts";
import { Lease } from "./lease.ts";

export interface LeaseContext {
  readonly store: Pick<Store, "deployments" | "operations">;
  readonly events: DeploymentEvents;
  readonly now: () => Date;
}

export interface DeploymentClaim {
  readonly deploymentId: string;
  readonly attempt: number;
  /** Lines in the log when the attempt begins. */
  readonly lineCount: number;
  /** Git ref of the app's current release. */
  readonly previousGitRef: string | null;
}

/**
 * Claims a deployment for an attempt. One whose release is going live keeps its status: only its end is left to do.
 * @returns null when it is final.
 * @throws {SlipwayError} "lease-lost" when a newer attempt holds it, "not-found" when it does not exist, "internal" (retryable)
 * while another deployment or an operation of the app is running.
 */
export async function leaseDeployment(
  context: LeaseContext,
  { deploymentId, attempt, lineCount, previousGitRef }: DeploymentClaim,
): Promise<DeploymentLease | null> {
  const { deployments, operations } = context.store;
  for (;;) {
    const found = await deployments.get(deploymentId);
    if (found === null) throw notFound("deployment");
    if (isFinal(found.status)) return null;
    if (found.releaseId !== null) {
      const taken = takeOver(found, attempt);
      if (await storeChange(deployments, taken)) return new DeploymentLease(context, taken);
      continue;
    }
    const claimed = claim(found, attempt, { at: context.now(), lineCount, facts: { previousGitRef } });
    if (await storeChange(deployments, claimed)) {
      await context.events.statusChanged(claimed);
      const lease = new DeploymentLease(context, claimed);
      // Checked after the claim, as an operation checks for deployments after its own: one of the two sees the other.
      if ((await operations.running(found.appId)) === null) return lease;
      await lease.changeStatus("queued", lineCount);
      throw new SlipwayError("internal", "an operation of the app is still running");
    }
    const running = await deployments.running(found.appId);
    if (running !== null && running.id !== found.id) {
      throw new SlipwayError("internal", `deployment ${running.number} of the app is still running`);
    }
  }
}

export class DeploymentLease {
  readonly #context: LeaseContext;
  readonly #lease: Lease<Deployment>;

  /** Use leaseDeployment: the entity must be stored as claimed. */
  constructor(context: LeaseContext, claimed: Deployment) {
    this.#context = context;
    this.#lease = new Lease(context.store.deployments, claimed, lostError);
  }

  get deployment(): Deployment {
    return this.#lease.entity;
  }

  /** Stores a status and publishes it. @throws {SlipwayError} "aborted" or "lease-lost" when another writer was first. */
  async changeStatus(to: DeploymentStatus, lineCount: number, facts: DeploymentFacts = {}): Promise<void> {
    const at = this.#context.now();
    await this.#lease.update(changeStatus(this.deployment, to, { at, lineCount, facts }));
    await this.#context.events.statusChanged(this.deployment);
  }

  /** Marks the release as going live: from then on the deployment cannot be aborted. Idempotent. */
  async goLive(releaseId: string): Promise<void> {
    if (this.deployment.releaseId !== releaseId) await this.#lease.update(goLive(this.deployment, releaseId));
  }

  /** Records the closed log of a deployment that was aborted from outside, unless a later attempt closes it. */
  async seal(log: LogSummary): Promise<void> {
    const { deployments } = this.#context.store;
    const aborted = await deployments.get(this.deployment.id);
    if (aborted === null || !isFinal(aborted.status) || aborted.logSha256 !== null) return;
    if (aborted.attempt !== this.deployment.attempt) return;
    const sealed = sealLog(aborted, log);
    if (await deployments.compareAndSet(sealed)) await this.#context.events.statusChanged(sealed);
  }

  /** Why the deployment was aborted, for its log. */
  async abortReason(): Promise<string> {
    const aborted = await this.#context.store.deployments.get(this.deployment.id);
    return aborted?.failure?.message ?? "the app was deleted";
  }

  /** Resolves while the lease holds. @throws {SlipwayError} "aborted" or "lease-lost" otherwise. */
  check(): Promise<void> {
    return this.#lease.check();
  }
}

function lostError(found: Deployment | null): SlipwayError {
  if (found === null || found.status === "aborted")
    return new SlipwayError("aborted", "the deployment was aborted");
  return new SlipwayError("lease-lost", `attempt ${found.attempt} has taken the deployment over`);
}
