// One socket.io transport: unauthenticated after its handshake, then the transport of at most one session.

import { toSlipwayError } from "@slipway/core";
import type { User } from "@slipway/core";
import type { Client } from "./client.ts";
import { closingMs } from "./limits.ts";
import type { ClientSocket } from "./client-socket.ts";
import type { SocketIoSession } from "./socket-io-session.ts";

export class SocketIoTransport implements Client {
  readonly address: string;
  /** Set once the client has authenticated. */
  session: SocketIoSession | undefined;
  readonly #conn: ClientSocket["conn"];
  #authenticationAttempted = false;

  constructor(conn: ClientSocket["conn"], address: string) {
    this.#conn = conn;
    this.address = address;
    // The default for polling, 30 seconds, would keep transports of unauthenticated clients that are no longer counted.
    if ("closeTimeout" in conn.transport) conn.transport.closeTimeout = closingMs;
  }

  get user(): User | undefined {
    return this.session?.user;
  }

  get authenticating(): boolean {
    return this.#authenticationAttempted && this.session === undefined && this.#conn.readyState === "open";
  }

  get unfinished(): boolean {
    return this.session?.unfinished === true;
  }

  /** Allows one attempt to authenticate. @returns whether this is the first attempt. */
  beginAuthentication(): boolean {
    const first = !this.#authenticationAttempted;
    this.#authenticationAttempted = true;
    return first;
  }

  /** Closes the transport in addition to the session, so that the client reconnects and resumes. */
  close(): void {
    if (this.#conn.readyState !== "open") return;
    this.#conn.close();
    const timer = setTimeout(() => this.terminate(), closingMs);
    this.#conn.once("close", () => clearTimeout(timer));
  }

  drop(): void {
    this.terminate();
  }

  terminate(): void {
    this.#conn.close(true);
  }

  /** Does nothing: engine.io sends its own pings. */
  ping(): void {}

  async recheck(): Promise<void> {
    try {
      await this.session?.recheck();
    } catch (error) {
      if (toSlipwayError(error).fault !== "user") throw error;
      this.close();
    }
  }
}
