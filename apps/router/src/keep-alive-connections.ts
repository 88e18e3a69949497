// Keep-alive connections to the instances of a rollout, with one request at a time on each.

import type { Address } from "@slipway/core";
import { Client } from "undici";
import { connect } from "./connect.ts";

/** Shorter than the keep-alive timeout of common servers. An app's `Keep-Alive: timeout` header shortens it further. */
const idleConnectionMs = 4_000;
const maxIdleConnections = 64;
/** The client requires an origin. `connect` determines the address, and each request has its own Host header. */
const origin = "http://app";

export class KeepAliveConnections implements Disposable {
  readonly #idle = new Map<string, Client[]>();
  #isDisposed = false;

  /** @returns an idle connection, which the app may be closing at this moment; undefined when there is none. */
  takeIdle(target: Address): Client | undefined {
    return this.#idle.get(targetKey(target))?.pop();
  }

  /** @returns a client that connects with its first request. If it cannot connect, it rejects that request without having sent anything. */
  open(target: Address): Client {
    const client = new Client(origin, {
      connect: (_options, created) => {
        connect(target).then(
          (socket) => created(null, socket),
          (error: Error) => created(error, null),
        );
      },
      keepAliveTimeout: idleConnectionMs,
      keepAliveMaxTimeout: idleConnectionMs,
    });
    // The app has closed the connection, or the connection was idle for too long.
    client.on("disconnect", () => this.#remove(target, client));
    return client;
  }

  /** Keeps a connection whose response is complete for further requests. */
  release(target: Address, client: Client): void {
    const key = targetKey(target);
    const idle = this.#idle.get(key) ?? [];
    if (this.#isDisposed || client.destroyed || idle.length >= maxIdleConnections) return close(client);
    idle.push(client);
    this.#idle.set(key, idle);
  }

  /** Closes idle connections at once, and each of the others after its request. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const client of [...this.#idle.values()].flat()) close(client);
    this.#idle.clear();
  }

  #remove(target: Address, client: Client): void {
    const idle = this.#idle.get(targetKey(target));
    const index = idle?.indexOf(client) ?? -1;
    if (index !== -1) idle?.splice(index, 1);
    if (idle?.length === 0) this.#idle.delete(targetKey(target));
    close(client);
  }
}

export function targetKey({ host, port }: Address): string {
  return `${host} ${port}`;
}

function close(client: Client): void {
  if (!client.destroyed) client.destroy(() => undefined);
}
