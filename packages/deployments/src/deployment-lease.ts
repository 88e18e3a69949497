// The lease of one attempt at a deployment: claim, status changes, going live, requeue, and the seal of its log.

import {
  changeStatus,
  claim,
  endAttempts,
  goLive,
  isFinal,
  notFound,
  recordTimeline,
  sealLog,
  SlipwayError,
  takeOver,
  unknownOrigin,
  withPhases,
} from "@slipway/core";
import type {
  AttemptOrigin,
  AttemptOutcome,
  Deployment,
  DeploymentEvents,
  DeploymentFacts,
  DeploymentStatus,
  LogSummary,
  PhaseRecord,
  Store,
} from "@slipway/core";
import { storeChange } from "./compare-and-set.ts";
import { Lease } from "./lease.ts";
import { PhaseRecorder } from "./phase-recorder.ts";
import type { FailedPhase, RunningPhase } from "./phase-recorder.ts";
import type { TracePhase } from "./ports.ts";

export interface LeaseContext {
  readonly store: Pick<Store, "deployments" | "operations">;
  readonly events: DeploymentEvents;
  readonly now: () => Date;
  /** Receives failures to publish or store running phases: the next change stores the phases. */
  readonly onPhaseError: (error: unknown) => void;
  readonly tracePhase: TracePhase;
}

export interface DeploymentClaim {
  readonly deploymentId: string;
  readonly attempt: number;
  /** Number of log lines at the start of the attempt. */
  readonly lineCount: number;
  /** Git ref of the app's current release. */
  readonly previousGitRef: string | null;
  /** The attempt's worker and engine, for the timeline. Default: unknown. */
  readonly origin?: AttemptOrigin;
}

/**
 * Claims a deployment for an attempt. A deployment whose release is going live keeps its status: only its last steps remain.
 * @returns null when it is final.
 * @throws {SlipwayError} "lease-lost" when a newer attempt holds the lease, "not-found" when the deployment does not exist,
 * "internal" (retryable) while another deployment or an operation of the app is running.
 */
export async function leaseDeployment(
  context: LeaseContext,
  { deploymentId, attempt, lineCount, previousGitRef, origin = unknownOrigin }: DeploymentClaim,
): Promise<DeploymentLease | null> {
  const { deployments, operations } = context.store;
  for (;;) {
    const found = await deployments.get(deploymentId);
    if (found === null) throw notFound("deployment");
    if (isFinal(found.status)) return null;
    if (found.releaseId !== null) {
      const taken = takeOver(found, attempt, { at: context.now(), origin });
      if (await storeChange(deployments, taken)) return new DeploymentLease(context, taken);
      continue;
    }
    const options = { at: context.now(), lineCount, facts: { previousGitRef }, origin };
    const claimed = claim(found, attempt, options);
    if (await storeChange(deployments, claimed)) {
      await context.events.statusChanged(claimed);
      const lease = new DeploymentLease(context, claimed);
      // Checked after the claim, just as an operation checks for deployments after its own claim: at least one of the two sees the other.
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

/** Minimum duration after which a phase is stored while it runs. Shorter phases are stored with the next change. */
const storeAfterMs = 2_000;

export class DeploymentLease implements Disposable {
  readonly #context: LeaseContext;
  readonly #lease: Lease<Deployment>;
  readonly #phases: PhaseRecorder;
  /** The last change. Changes are stored one after the other, since each is based on the previous one. */
  #changing: Promise<unknown> = Promise.resolve();
  /** Set while there are unstored changes of phases. */
  #storing: NodeJS.Timeout | undefined;

  /** Use leaseDeployment: the entity must already be stored as claimed. */
  constructor(context: LeaseContext, claimed: Deployment) {
    this.#context = context;
    this.#lease = new Lease(context.store.deployments, claimed, lostError);
    this.#phases = new PhaseRecorder({
      now: context.now,
      around: (phase, work) => context.tracePhase(claimed, phase, work),
      onChange: (phase, lineCount) => this.#noteChange(phase, lineCount),
    });
  }

  /** Stops storing running phases. */
  [Symbol.dispose](): void {
    clearTimeout(this.#storing);
  }

  get deployment(): Deployment {
    return this.#lease.entity;
  }

  /** Stores a status and publishes it. @throws {SlipwayError} "aborted" or "lease-lost" when another writer was faster. */
  async changeStatus(to: DeploymentStatus, lineCount: number, facts: DeploymentFacts = {}): Promise<void> {
    const at = this.#context.now();
    await this.#change((deployment) => changeStatus(deployment, to, { at, lineCount, facts }));
    await this.#context.events.statusChanged(this.deployment);
  }

  /**
   * Runs a phase of the attempt, and records it in the timeline.
   * @param log the attempt's log, for the line numbers at the phase's start and end. @throws the error of `work`.
   */
  phase<T>(
    name: string,
    log: { readonly lastSeq: number },
    work: (phase: RunningPhase) => Promise<T>,
  ): Promise<T> {
    return this.#phases.run({ name, log }, work);
  }

  /** The attempt's phases so far, in the order of their starts. */
  get phases(): readonly PhaseRecord[] {
    return this.#phases.records;
  }

  /** The phase in which an error occurred; null when it occurred in none. */
  failedPhase(error: Error): FailedPhase | null {
    return this.#phases.failedBy(error);
  }

  /** Stores the end of an attempt that leaves the deployment unchanged to the next attempt. */
  async endAttempt(outcome: AttemptOutcome): Promise<void> {
    const at = this.#context.now();
    await this.#change((deployment) =>
      recordTimeline(deployment, endAttempts(deployment.timeline, outcome, at)),
    );
  }

  /** Marks the release as going live: from then on the deployment cannot be aborted. Idempotent. */
  async goLive(releaseId: string): Promise<void> {
    if (this.deployment.releaseId === releaseId) return;
    await this.#change((deployment) => goLive(deployment, releaseId));
  }

  /** Records the closed log of a deployment that was aborted by another process, unless a later attempt closes it. */
  async seal(log: LogSummary): Promise<void> {
    const { deployments } = this.#context.store;
    const aborted = await deployments.get(this.deployment.id);
    if (aborted === null || !isFinal(aborted.status) || aborted.logSha256 !== null) return;
    if (aborted.attempt !== this.deployment.attempt) return;
    const sealed = sealLog(aborted, log);
    if (await deployments.compareAndSet(sealed)) await this.#context.events.statusChanged(sealed);
  }

  /** The reason why the deployment was aborted, for its log. */
  async abortReason(): Promise<string> {
    const aborted = await this.#context.store.deployments.get(this.deployment.id);
    return aborted?.failure?.message ?? "the app was deleted";
  }

  /** Resolves while the lease holds. @throws {SlipwayError} "aborted" or "lease-lost" otherwise. */
  check(): Promise<void> {
    return this.#lease.check();
  }

  /** Stores a change, together with the phases so far. */
  #change(decide: (deployment: Deployment) => Deployment): Promise<void> {
    clearTimeout(this.#storing);
    this.#storing = undefined;
    const change = this.#changing.then(() => {
      const { deployment } = this;
      const timeline = withPhases(deployment.timeline, this.#phases.records);
      return this.#lease.update(decide({ ...deployment, timeline }));
    });
    this.#changing = Promise.allSettled([change]);
    return change;
  }

  #noteChange(phase: PhaseRecord, lineCount: number): void {
    const { events, onPhaseError } = this.#context;
    events.phaseChanged(this.deployment, phase, lineCount).catch(onPhaseError);
    this.#storing ??= setTimeout(() => {
      this.#change((deployment) => recordTimeline(deployment, deployment.timeline)).catch(onPhaseError);
    }, storeAfterMs).unref();
  }
}

function lostError(found: Deployment | null): SlipwayError {
  if (found === null || found.status === "aborted")
    return new SlipwayError("aborted", "the deployment was aborted");
  return new SlipwayError("lease-lost", `attempt ${found.attempt} has taken the deployment over`);
}
