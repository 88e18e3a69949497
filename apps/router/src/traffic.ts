// What one rollout of an app is being asked: whose turn it is, the requests on their way, and the connections kept for more.

import type { Address } from "@slipway/core";
import { ConnectedAgent } from "./connect.ts";

/** Shorter than what servers commonly keep a connection that nobody uses. */
const idleConnectionMs = 4_000;
const idleConnections = 64;

export class Traffic implements Disposable {
  readonly appId: string;
  readonly rolloutId: string;
  targets: readonly Address[] = [];
  /** For requests that may be sent again if the kept connection turns out to be dead. */
  readonly kept = new ConnectedAgent({
    keepAlive: true,
    timeout: idleConnectionMs,
    maxFreeSockets: idleConnections,
  });
  readonly #flights = new Set<() => void>();
  #ended = Promise.withResolvers<void>();
  #turn = 0;

  constructor(appId: string, rolloutId: string) {
    this.appId = appId;
    this.rolloutId = rolloutId;
  }

  get isIdle(): boolean {
    return this.#flights.size === 0;
  }

  /** The next target in turn that did not refuse; null when there is none. */
  next(refused: ReadonlySet<string>): Address | null {
    this.#turn += 1;
    const left = this.targets.filter((target) => !refused.has(nameOf(target)));
    return left[this.#turn % left.length] ?? null;
  }

  /** Counts a request as on its way until the result is disposed of. `cut` ends it early. */
  begin(cut: () => void): Disposable {
    const flight = () => cut();
    this.#flights.add(flight);
    return {
      [Symbol.dispose]: () => {
        this.#flights.delete(flight);
        if (!this.isIdle) return;
        this.#ended.resolve();
        this.#ended = Promise.withResolvers();
      },
    };
  }

  /** Resolves when nothing is on its way. */
  async ended(): Promise<void> {
    while (!this.isIdle) await this.#ended.promise;
  }

  /** The same, and what takes longer than `withinMs` is cut off. */
  async drain(withinMs: number): Promise<void> {
    const timer = setTimeout(() => this.cut(), withinMs);
    await this.ended();
    clearTimeout(timer);
  }

  cut(): void {
    for (const flight of this.#flights) flight();
  }

  /** Closes the connections kept. */
  [Symbol.dispose](): void {
    this.kept.destroy();
  }
}

export function nameOf({ host, port }: Address): string {
  return `${host} ${port}`;
}
