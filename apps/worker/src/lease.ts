// A worker's hold on one deployment: every change is a compare-and-set from the revision it made last, so a worker that
// lost the deployment learns it at its next step.

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
import type { Deployment, DeploymentFacts, DeploymentStatus } from "@slipway/core";
import { publishStatus } from "@slipway/logs";
import type { DeployTask } from "@slipway/queue";
import { Hold } from "./hold.ts";
import type { Platform } from "./platform.ts";
import { storeChange } from "./store-change.ts";

export class Lease {
  readonly #platform: Platform;
  readonly #hold: Hold<Deployment>;

  private constructor(platform: Platform, held: Deployment) {
    this.#platform = platform;
    this.#hold = new Hold(platform.store.deployments, held);
  }

  /**
   * Claims the deployment for this attempt; one whose release is already going live keeps its status, and is only finished.
   * @returns null when it is final: there is nothing to do.
   * @throws {SlipwayError} "lease-lost" when a newer attempt has it, "not-found" when it is gone,
   * "internal", to be tried again, while another deployment or an operation of the app is running.
   */
  static async take(
    platform: Platform,
    task: DeployTask,
    lineCount: number,
    previousGitRef: string | null,
  ): Promise<Lease | null> {
    for (;;) {
      const found = await platform.store.deployments.get(task.deploymentId);
      if (found === null) throw notFound("deployment");
      if (isFinal(found.status)) return null;
      if (found.releaseId !== null) {
        const taken = takeOver(found, task.attempt);
        if (await storeChange(platform.store.deployments, taken)) return new Lease(platform, taken);
        continue;
      }
      const claimed = claim(found, task.attempt, {
        at: platform.now(),
        lineCount,
        facts: { previousGitRef },
      });
      if (await storeChange(platform.store.deployments, claimed)) {
        await publishStatus(platform.redis, platform.keys, claimed);
        const lease = new Lease(platform, claimed);
        // After a loss of the queue an operation may be handed out beside it: then it waits.
        if ((await platform.store.operations.running(found.appId)) === null) return lease;
        await lease.change("queued", lineCount);
        throw new SlipwayError("internal", "an operation of the app is still running");
      }
      const running = await platform.store.deployments.running(found.appId);
      if (running !== null && running.id !== found.id) {
        throw new SlipwayError("internal", `deployment ${running.number} of the app is still running`);
      }
    }
  }

  get deployment(): Deployment {
    return this.#hold.entity;
  }

  /** @throws {SlipwayError} "aborted" or "lease-lost" when somebody else has changed the deployment. */
  async change(to: DeploymentStatus, lineCount: number, facts: DeploymentFacts = {}): Promise<void> {
    await this.#store(changeStatus(this.deployment, to, { at: this.#platform.now(), lineCount, facts }));
    await publishStatus(this.#platform.redis, this.#platform.keys, this.deployment);
  }

  /** The step after which the deployment can no longer be aborted. Repeating it is fine. */
  async goLive(releaseId: string): Promise<void> {
    if (this.deployment.releaseId !== releaseId) await this.#store(goLive(this.deployment, releaseId));
  }

  /** Records the closed log of a deployment that was ended from outside, unless a later attempt is closing it. */
  async seal(log: { lineCount: number; sha256: string }): Promise<void> {
    const { deployments } = this.#platform.store;
    const ended = await deployments.get(this.deployment.id);
    if (ended === null || !isFinal(ended.status) || ended.logSha256 !== null) return;
    if (ended.attempt !== this.deployment.attempt) return;
    const sealed = sealLog(ended, log);
    if (await deployments.compareAndSet(sealed)) {
      await publishStatus(this.#platform.redis, this.#platform.keys, sealed);
    }
  }

  /** Why somebody ended the deployment, for its log. */
  async abortReason(): Promise<string> {
    const ended = await this.#platform.store.deployments.get(this.deployment.id);
    return ended?.failure?.message ?? "the app was deleted";
  }

  /** Resolves while the deployment is still ours; otherwise rejects with why it is not. */
  async check(): Promise<void> {
    const taken = await this.#hold.takenBy();
    if (taken !== undefined) throw lost(taken);
  }

  async #store(next: Deployment): Promise<void> {
    if (!(await this.#hold.change(next))) throw lost(await this.#platform.store.deployments.get(next.id));
  }
}

function lost(found: Deployment | null): SlipwayError {
  if (found === null || found.status === "aborted")
    return new SlipwayError("aborted", "the deployment was aborted");
  return new SlipwayError("lease-lost", `attempt ${found.attempt} has taken the deployment over`);
}
