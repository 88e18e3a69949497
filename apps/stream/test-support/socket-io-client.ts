// A socket.io client for tests. It wraps the real client and records the events it receives.

import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import { endEvent, logEvent, newEvent, phaseEvent, rewindEvent, statusEvent } from "@slipway/protocol";
import type { ClientEvents, ServerEvents, SubscriptionAnswer } from "@slipway/protocol";

export class IoClient implements Disposable {
  readonly socket: Socket<ServerEvents, ClientEvents>;
  /** The events in short form: statuses in upper case, lines unchanged. */
  readonly received: string[] = [];
  readonly news: unknown[] = [];
  readonly phases: unknown[] = [];
  readonly refused: Promise<Error>;
  readonly ended: Promise<void>;
  readonly connected: Promise<void>;
  end: unknown;
  connections = 0;
  /** The position from which a client resumes. */
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
      this.#record("NEW");
    });
    this.socket.on("status", (event) => {
      const { status, index } = statusEvent.parse(event);
      this.cursor.afterStatus = index;
      this.#record(status.toUpperCase());
    });
    this.socket.on("log", (event) => {
      const { seq, lines } = logEvent.parse(event);
      this.cursor.afterSeq = seq + lines.length - 1;
      this.#record(...lines);
    });
    this.socket.on("rewind", (event) => {
      const { afterSeq } = rewindEvent.parse(event);
      this.cursor.afterSeq = afterSeq;
      this.#record(`REWIND ${afterSeq}`);
    });
    this.socket.on("phase", (event) => {
      this.phases.push(phaseEvent.parse(event));
      this.#record("PHASE");
    });
    this.socket.on("end", (event) => {
      this.end = endEvent.parse(event);
      ended.resolve();
    });
  }

  /** The connection's WebSocket, which a test can stop reading. */
  get webSocket(): { pause(): void; resume(): void } {
    const { transport } = this.socket.io.engine;
    if (!("ws" in transport)) throw new Error("the client is not connected by WebSocket");
    return transport.ws as { pause(): void; resume(): void };
  }

  request(event: "subscribe" | "unsubscribe", body: unknown): Promise<SubscriptionAnswer> {
    return new Promise((resolve) => this.socket.emit(event, body, resolve));
  }

  /** Discards the recorded events, for tests that measure memory. */
  forget(): void {
    this.received.length = 0;
  }

  async until(item: string): Promise<void> {
    while (!this.received.includes(item)) await this.#changed.promise;
  }

  async count(items: number): Promise<void> {
    while (this.received.length < items) await this.#changed.promise;
  }

  [Symbol.dispose](): void {
    this.socket.disconnect();
  }

  #record(...items: string[]): void {
    this.received.push(...items);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
