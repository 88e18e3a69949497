// The traffic of one rollout: its round-robin targets, requests in flight, and keep-alive connections.

import type { Address } from "@slipway/core";
import { KeepAliveConnections, targetKey } from "./keep-alive-connections.ts";

export class Traffic implements Disposable {
  readonly appId: string;
  readonly rolloutId: string;
  targets: readonly Address[] = [];
  /** Connections for requests that may be sent again when a keep-alive connection turns out to be closed. */
  readonly connections = new KeepAliveConnections();
  /** The abort callbacks of the requests in flight. */
  readonly #inFlight = new Set<() => void>();
  #idle = Promise.withResolvers<void>();
  #turn = 0;

  constructor(appId: string, rolloutId: string) {
    this.appId = appId;
    this.rolloutId = rolloutId;
  }

  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** @returns the next target by round-robin that is not in `unreachable`; null when there is none. */
  next(unreachable: ReadonlySet<string>): Address | null {
    this.#turn += 1;
    const candidates =
      unreachable.size === 0
        ? this.targets
        : this.targets.filter((target) => !unreachable.has(targetKey(target)));
    return candidates[this.#turn % candidates.length] ?? null;
  }

  /**
   * Counts a request as in flight until the result is disposed: when the app has responded, or the router no longer waits for the app.
   * @param abort ends the request early.
   */
  begin(abort: () => void): Disposable {
    const request = () => abort();
    this.#inFlight.add(request);
    return {
      [Symbol.dispose]: () => {
        this.#inFlight.delete(request);
        if (!this.isIdle) return;
        this.#idle.resolve();
        this.#idle = Promise.withResolvers();
      },
    };
  }

  /** Resolves when no request is in flight. */
  async idle(): Promise<void> {
    while (!this.isIdle) await this.#idle.promise;
  }

  /**
   * Resolves when no request is in flight. Aborts requests for which the app takes longer than `drainMs`. A complete response is not in
   * flight: a slow client may still receive it.
   */
  async drain(drainMs: number): Promise<void> {
    const timer = setTimeout(() => this.abort(), drainMs);
    await this.idle();
    clearTimeout(timer);
  }

  /** Aborts all requests in flight. */
  abort(): void {
    for (const abort of this.#inFlight) abort();
  }

  /** Closes the keep-alive connections. */
  [Symbol.dispose](): void {
    this.connections[Symbol.dispose]();
  }
}
