// One transport of a socket.io client: a stranger's after its handshake, then that of the one session it may begin.

import { toSlipwayError } from "@slipway/core";
import type { User } from "@slipway/core";
import type { Client } from "./client.ts";
import { closingMs } from "./platform.ts";
import type { ClientSocket } from "./client-socket.ts";
import type { SocketIoSession } from "./socket-io-session.ts";

export class SocketIoTransport implements Client {
  readonly address: string;
  /** Set once it is known who it is of. */
  session: SocketIoSession | undefined;
  readonly #conn: ClientSocket["conn"];
  #tried = false;

  constructor(conn: ClientSocket["conn"], address: string) {
    this.#conn = conn;
    this.address = address;
  }

  get user(): User | undefined {
    return this.session?.user;
  }

  get unfinished(): boolean {
    return this.session?.unfinished === true;
  }

  /** Whether the client may say who it is: once. Whoever is refused has to connect again. */
  tries(): boolean {
    const first = !this.#tried;
    this.#tried = true;
    return first;
  }

  /** The transport is closed rather than the session, so that the client connects again and resumes. */
  close(): void {
    if (this.#conn.readyState !== "open") return;
    this.#conn.close();
    const timer = setTimeout(() => this.terminate(), closingMs);
    this.#conn.once("close", () => clearTimeout(timer));
  }

  terminate(): void {
    this.#conn.close(true);
  }

  /** socket.io has pings of its own. */
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
