// A socket.io client for tests, with the real client inside.

import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import { endEvent, logEvent, newEvent, statusEvent } from "@slipway/protocol";
import type { ClientEvents, ServerEvents, SubscriptionAnswer } from "@slipway/protocol";

/** A client that writes down what it is told, in short: statuses in capitals, lines as they are. */
export class IoClient implements Disposable {
  readonly socket: Socket<ServerEvents, ClientEvents>;
  readonly told: string[] = [];
  readonly news: unknown[] = [];
  readonly refused: Promise<Error>;
  readonly ended: Promise<void>;
  readonly connected: Promise<void>;
  end: unknown;
  connections = 0;
  /** What a client has to keep to resume. */
  readonly cursor = { afterSeq: 0, afterStatus: 0 };
  #changed = Promise.withResolvers<void>();

  constructor(url: string, token: unknown, transports: string[]) {
    this.socket = io(url, { auth: { token }, transports, forceNew: true, reconnectionDelay: 5 });
    const refused = Promise.withResolvers<Error>();
    const ended = Promise.withResolvers<void>();
    this.refused = refused.promise;
    this.ended = ended.promise;
    this.socket.on("connect_error", refused.resolve);
    const connected = Promise.withResolvers<void>();
    this.connected = connected.promise;
    this.socket.on("connect", () => {
      connected.resolve();
      this.connections += 1;
    });
    this.socket.on("new", (event) => {
      this.news.push(newEvent.parse(event));
      this.#tell("NEW");
    });
    this.socket.on("status", (event) => {
      const { status, index } = statusEvent.parse(event);
      this.cursor.afterStatus = index;
      this.#tell(status.toUpperCase());
    });
    this.socket.on("log", (event) => {
      const { seq, lines } = logEvent.parse(event);
      this.cursor.afterSeq = seq + lines.length - 1;
      this.#tell(...lines);
    });
    this.socket.on("end", (event) => {
      this.end = endEvent.parse(event);
      ended.resolve();
    });
  }

  ask(what: "subscribe" | "unsubscribe", request: unknown): Promise<SubscriptionAnswer> {
    return new Promise((resolve) => this.socket.emit(what, request, resolve));
  }

  /** Lets go of what came so far, for tests that measure memory. */
  forget(): void {
    this.told.length = 0;
  }

  async until(told: string): Promise<void> {
    while (!this.told.includes(told)) await this.#changed.promise;
  }

  async count(told: number): Promise<void> {
    while (this.told.length < told) await this.#changed.promise;
  }

  [Symbol.dispose](): void {
    this.socket.disconnect();
  }

  #tell(...told: string[]): void {
    this.told.push(...told);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
