// The attempts that run on a worker, and the advances of lanes that follow their ends.

import type { SlipwayError } from "@slipway/core";

export class Attempts {
  /** By the id of the item. */
  readonly controllers = new Map<string, AbortController>();
  /** Advances of lanes after jobs that have ended. They never reject. */
  readonly advancing = new Set<Promise<void>>();
  isDraining = false;
  readonly #whenIdle: (() => void)[] = [];

  readonly cancel = (id: string, reason: SlipwayError): boolean => {
    const controller = this.controllers.get(id);
    controller?.abort(reason);
    return controller !== undefined;
  };

  /** @param advance never rejects. */
  follow(advance: Promise<void>): void {
    const done = advance.finally(() => this.advancing.delete(done));
    this.advancing.add(done);
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
