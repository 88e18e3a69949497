// All connections of the process: limits their number, pings them, rechecks their authorization, and drains them.

import { setTimeout as delay } from "node:timers/promises";
import { contain } from "@slipway/async";
import type { User } from "@slipway/core";
import type { Client } from "./client.ts";
import { goingAway, overCapacity } from "./close-codes.ts";
import type { Close } from "./close-codes.ts";
import { Connection } from "./connection.ts";
import type { ConnectionContext, ConnectionOptions } from "./connection.ts";
import { closingMs } from "./limits.ts";
import type { ConnectionLimits } from "./limits.ts";

const drainPollMs = 100;

export class Connections implements AsyncDisposable {
  readonly #context: ConnectionContext;
  readonly #limits: ConnectionLimits;
  readonly #clients = new Set<Client>();
  readonly #timers: readonly NodeJS.Timeout[];
  #rechecking = false;
  #draining = false;

  constructor(context: ConnectionContext, limits: ConnectionLimits) {
    this.#context = context;
    this.#limits = limits;
    const ping = contain(
      (client: Client) => client.ping(),
      (error, client) => {
        context.logger.error({ err: error }, "cannot ping a client; its connection is closed");
        client.terminate();
      },
    );
    const recheck = contain(
      () => this.#recheck(),
      (error) =>
        context.logger.warn(
          { err: error },
          "cannot recheck the authorization of followers; trying again later",
        ),
    );
    this.#timers = [
      setInterval(() => {
        for (const client of this.#clients) ping(client);
      }, limits.pingMs),
      setInterval(recheck, limits.recheckMs),
    ];
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Serves an upgraded connection until it is closed. */
  async serve(client: Omit<ConnectionOptions, "limits" | "admit">): Promise<void> {
    const options = { ...client, limits: this.#limits, admit: (user: User) => this.hasRoomFor(user) };
    const connection = new Connection(this.#context, options);
    const rejection = this.makeRoomFor(client.address);
    if (rejection !== null) return connection.close(rejection);
    using _tracked = this.track(connection);
    await connection.serve();
  }

  /**
   * Makes room for a new client at the address: at a limit, the oldest client whose credentials are not being checked is dropped.
   * Otherwise unauthenticated clients could prevent the users at their address from connecting.
   * @returns the close for the new client; null when it may connect.
   */
  makeRoomFor(address: string): Close | null {
    if (this.#draining) return goingAway;
    const limits = this.#limits;
    const unauthenticated = [...this.#clients].filter(({ user }) => user === undefined);
    const atAddress = unauthenticated.filter((client) => client.address === address);
    if (atAddress.length >= limits.unauthenticatedConnectionsPerAddress)
      return this.#replaceOldest(atAddress);
    const full =
      this.#clients.size >= limits.connections || unauthenticated.length >= limits.unauthenticatedConnections;
    return full ? this.#replaceOldest(atBusiestAddress(unauthenticated)) : null;
  }

  /** Counts the client as connected until the returned handle is disposed. */
  track(client: Client): Disposable {
    this.#clients.add(client);
    return { [Symbol.dispose]: () => void this.#clients.delete(client) };
  }

  /** Whether the user may open another connection. */
  hasRoomFor(user: User): boolean {
    return countOf(this.#clients, (other) => other.user?.id === user.id) < this.#limits.connectionsPerUser;
  }

  /**
   * Rejects new clients. Closes idle clients at once, each other client when its deployments have ended, and the remaining
   * ones after `graceMs`. Resolves when all connections are closed.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const deadline = performance.now() + graceMs;
    while (this.#clients.size > 0) {
      const expired = performance.now() >= deadline;
      for (const client of this.#clients) if (expired || !client.unfinished) client.close(goingAway);
      if (expired) break;
      await delay(Math.min(drainPollMs, Math.max(1, deadline - performance.now())));
    }
    const dropAt = performance.now() + closingMs;
    while (this.#clients.size > 0 && performance.now() < dropAt) await delay(10);
    for (const client of this.#clients) client.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.drain(0);
  }

  /** @param clients oldest first. @returns null when one of them was dropped. */
  #replaceOldest(clients: readonly Client[]): Close | null {
    const oldest = clients.find(({ authenticating }) => !authenticating);
    if (oldest === undefined) return overCapacity;
    this.#clients.delete(oldest);
    oldest.drop(overCapacity);
    return null;
  }

  /** Rechecks one client after the other, to limit the load on the store. Rejects at the first failed check. */
  async #recheck(): Promise<void> {
    if (this.#rechecking) return;
    this.#rechecking = true;
    try {
      for (const client of this.#clients) await client.recheck();
    } finally {
      this.#rechecking = false;
    }
  }
}

/** @returns the clients of the address with the most clients. */
function atBusiestAddress(clients: readonly Client[]): readonly Client[] {
  const groups = Map.groupBy(clients, ({ address }) => address);
  let busiest: readonly Client[] = [];
  for (const group of groups.values()) if (group.length > busiest.length) busiest = group;
  return busiest;
}

function countOf<Item>(items: Iterable<Item>, matches: (item: Item) => boolean): number {
  let count = 0;
  for (const item of items) if (matches(item)) count += 1;
  return count;
}
