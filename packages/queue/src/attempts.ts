// The attempts that run on a worker, and the work after their ends: advancing lanes, freeing slots, wake-ups.

import type { SlipwayError } from "@slipway/core";

export class Attempts {
  /** Abort controllers of the attempts, by item id. */
  readonly controllers = new Map<string, AbortController>();
  /** Work that is awaited only when the worker stops. It never rejects. */
  readonly background = new Set<Promise<void>>();
  isDraining = false;
  readonly #whenIdle: (() => void)[] = [];

  readonly cancel = (id: string, reason: SlipwayError): boolean => {
    const controller = this.controllers.get(id);
    controller?.abort(reason);
    return controller !== undefined;
  };

  /** Tracks the work until it has ended. @param work never rejects. */
  track(work: Promise<void>): void {
    const done = work.finally(() => this.background.delete(done));
    this.background.add(done);
  }

  async idle(): Promise<void> {
    if (this.controllers.size === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Call it when an attempt has ended. */
  noteEnd(): void {
    if (this.controllers.size > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
