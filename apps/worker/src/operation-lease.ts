// A worker's hold on one operation: every change is a compare-and-set from the revision it made last.

import {
  claimOperation,
  confirmOperation,
  endOperation,
  isOver,
  releaseOperation,
  SlipwayError,
} from "@slipway/core";
import type { Operation } from "@slipway/core";
import type { OperateTask } from "@slipway/queue";
import { Hold } from "./hold.ts";
import type { Platform } from "./platform.ts";
import { storeChange } from "./store-change.ts";

export class OperationLease {
  readonly #platform: Platform;
  readonly #hold: Hold<Operation>;

  private constructor(platform: Platform, held: Operation) {
    this.#platform = platform;
    this.#hold = new Hold(platform.store.operations, held);
  }

  /**
   * Claims the operation for this attempt.
   * @returns null when it is over, or gone: there is nothing to do.
   * @throws {SlipwayError} "lease-lost" when a newer attempt has it; "internal", to be tried again, while something else of
   * the app is running: after a loss of the queue two of one app may be handed out at once.
   */
  static async take(platform: Platform, task: OperateTask): Promise<OperationLease | null> {
    const { operations, deployments } = platform.store;
    for (;;) {
      const found = await operations.get(task.operationId);
      if (found === null || isOver(found)) return null;
      const claimed = claimOperation(found, task.attempt, platform.now());
      if (await storeChange(operations, claimed)) {
        const lease = new OperationLease(platform, claimed);
        // Looked for after the claim, as a deployment looks for operations after its own: one of both sees the other.
        if ((await deployments.running(task.appId)) === null) return lease;
        await lease.putBack();
        throw new SlipwayError("internal", "a deployment of the app is still running");
      }
      const running = await operations.running(task.appId);
      if (running !== null && running.id !== found.id) {
        throw new SlipwayError("internal", "another operation of the app is still running");
      }
    }
  }

  get operation(): Operation {
    return this.#hold.entity;
  }

  /** @throws {SlipwayError} "lease-lost" when somebody else has taken the operation over. */
  async confirm(): Promise<void> {
    await this.#store(confirmOperation(this.operation));
  }

  /** Resolves while the operation is still ours. @throws {SlipwayError} "lease-lost" otherwise. */
  async check(): Promise<void> {
    if ((await this.#hold.takenBy()) !== undefined) throw lost();
  }

  async putBack(): Promise<void> {
    await this.#store(releaseOperation(this.operation));
  }

  async end(failure: Operation["failure"]): Promise<void> {
    await this.#store(endOperation(this.operation, this.#platform.now(), failure));
  }

  async #store(next: Operation): Promise<void> {
    if (!(await this.#hold.change(next))) throw lost();
  }
}

function lost(): SlipwayError {
  return new SlipwayError("lease-lost", "another attempt has taken the operation over");
}
