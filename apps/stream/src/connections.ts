// All connections of the process: how many there may be, that they are alive, and how they end.

import { setTimeout as delay } from "node:timers/promises";
import { contain } from "@slipway/async";
import type { User } from "@slipway/core";
import type { Client } from "./client.ts";
import { goingAway, tooMany } from "./close-codes.ts";
import type { Close } from "./close-codes.ts";
import { Connection } from "./connection.ts";
import type { ConnectionOptions } from "./connection.ts";
import { closingMs } from "./platform.ts";
import type { ConnectionLimits, Platform } from "./platform.ts";

const drainPollMs = 100;

export class Connections implements AsyncDisposable {
  readonly #platform: Platform;
  readonly #limits: ConnectionLimits;
  readonly #all = new Set<Client>();
  readonly #timers: readonly NodeJS.Timeout[];
  #rechecking = false;
  #draining = false;

  constructor(platform: Platform, limits: ConnectionLimits) {
    this.#platform = platform;
    this.#limits = limits;
    const ping = contain(
      (client: Client) => client.ping(),
      (error, client) => {
        platform.logger.error({ err: error }, "cannot ping a client; its connection is closed");
        client.terminate();
      },
    );
    const recheck = contain(
      () => this.#recheck(),
      (error) =>
        platform.logger.warn({ err: error }, "cannot check who may still follow; trying again later"),
    );
    this.#timers = [
      setInterval(() => {
        for (const client of this.#all) ping(client);
      }, limits.pingMs),
      setInterval(recheck, limits.recheckMs),
    ];
  }

  get size(): number {
    return this.#all.size;
  }

  /** Serves a client that was just upgraded, to its end. */
  async serve(client: Omit<ConnectionOptions, "limits" | "admit">): Promise<void> {
    const options = { ...client, limits: this.#limits, admit: (user: User) => this.admits(user) };
    const connection = new Connection(this.#platform, options);
    const refused = this.refusal(client.address);
    if (refused !== null) return connection.close(refused);
    using _held = this.hold(connection);
    await connection.serve();
  }

  /** Why a client of whom nothing is known yet is not taken; null when it is. */
  refusal(from: string): Close | null {
    if (this.#draining) return goingAway;
    const unknown = this.#all.values().filter(({ user }) => user === undefined);
    const addresses = unknown.map(({ address }) => address).toArray();
    const full =
      this.#all.size >= this.#limits.connections ||
      addresses.length >= this.#limits.unknownConnections ||
      countOf(addresses, (address) => address === from) >= this.#limits.unknownConnectionsPerAddress;
    return full ? tooMany : null;
  }

  /** Counts the client among those served, until what is returned is disposed of. */
  hold(client: Client): Disposable {
    this.#all.add(client);
    return { [Symbol.dispose]: () => void this.#all.delete(client) };
  }

  /** Whether the user may have one connection more. */
  admits(user: User): boolean {
    return countOf(this.#all, (other) => other.user?.id === user.id) < this.#limits.connectionsPerUser;
  }

  /**
   * Takes no more. Who follows nothing that is unfinished is sent away at once, the others when it ends, and all after
   * `graceMs`. Resolves when none is left.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const deadline = performance.now() + graceMs;
    while (this.#all.size > 0) {
      const late = performance.now() >= deadline;
      for (const connection of this.#all) if (late || !connection.unfinished) connection.close(goingAway);
      if (late) break;
      await delay(Math.min(drainPollMs, Math.max(1, deadline - performance.now())));
    }
    const dropAt = performance.now() + closingMs;
    while (this.#all.size > 0 && performance.now() < dropAt) await delay(10);
    for (const connection of this.#all) connection.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.drain(0);
  }

  /** One after the other, so that the store has other work too. Rejects at the first that cannot be checked now. */
  async #recheck(): Promise<void> {
    if (this.#rechecking) return;
    this.#rechecking = true;
    try {
      for (const connection of this.#all) await connection.recheck();
    } finally {
      this.#rechecking = false;
    }
  }
}

function countOf<Item>(items: Iterable<Item>, matches: (item: Item) => boolean): number {
  let count = 0;
  for (const item of items) if (matches(item)) count += 1;
  return count;
}
