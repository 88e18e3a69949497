// Clients that disconnect at each point of an exchange, in each way that a TCP connection ends.

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

/** One message of a client. */
export interface ClientStep {
  /** Its bytes; a function gets the text received so far. */
  readonly send: string | Uint8Array | ((received: string) => string | Uint8Array);
  /** The text that the server answers with; the next message is sent after it. */
  readonly until?: string;
}

export interface LeavingOptions {
  readonly port: number;
  readonly steps: readonly ClientStep[];
  /** Sends the server a request, and throws without a response. Called while clients are half-closed, and after all have ended. */
  readonly stillAnswers: () => Promise<void>;
}

const points = ["before sending", "half-way through sending", "after sending", "after the answer"] as const;
type Point = (typeof points)[number];

const exits: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.destroy(),
  (socket) => socket.end(),
];
/** Concurrent clients of each kind: some faults need several disconnects at once. */
const clientsOfAKind = 3;

/**
 * Plays the exchange to each of its points, with clients that reset, cut or half-close the connection there, all at once.
 * @returns the errors that nothing in this process handled meanwhile.
 */
export async function leaveAtEachPoint({ port, steps, stillAnswers }: LeavingOptions): Promise<unknown[]> {
  using unhandled = new UnhandledErrors();
  const clients: Promise<LeavingClient>[] = [];
  for (const last of steps.keys()) {
    for (const point of points) {
      for (const exit of exits) {
        for (let count = 0; count < clientsOfAKind; count += 1)
          clients.push(playUntil(port, steps.slice(0, last + 1), point, exit));
      }
    }
  }
  const left = await Promise.all(clients);
  await stillAnswers();
  for (const client of left) client.socket.destroy();
  await stillAnswers();
  return unhandled.errors;
}

/** A frame of a WebSocket client, for a text of at most 64 KiB. Its mask is zero, so that the payload is the text itself. */
export function maskedFrame(text: string): Uint8Array {
  const payload = Buffer.from(text);
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]);
}

/** The head of a request; the lines of `headers` stand after the host's. */
export function requestHead(line: string, headers: readonly string[] = [], host = "localhost"): string {
  return `${[`${line} HTTP/1.1`, `Host: ${host}`, ...headers].join("\r\n")}\r\n\r\n`;
}

export function upgradeHead(path: string, host?: string): string {
  const key = `Sec-WebSocket-Key: ${Buffer.from("0123456789abcdef").toString("base64")}`;
  const headers = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key];
  return requestHead(`GET ${path}`, headers, host);
}

/** Collects unhandled errors: each would have ended a process. */
export class UnhandledErrors implements Disposable {
  readonly errors: unknown[] = [];
  readonly #note = (error: unknown) => void this.errors.push(error);

  constructor() {
    process.on("uncaughtException", this.#note).on("unhandledRejection", this.#note);
  }

  [Symbol.dispose](): void {
    process.off("uncaughtException", this.#note).off("unhandledRejection", this.#note);
  }
}

async function playUntil(
  port: number,
  steps: readonly ClientStep[],
  point: Point,
  exit: (socket: Socket) => void,
): Promise<LeavingClient> {
  const client = new LeavingClient(port);
  await once(client.socket, "connect");
  for (const step of steps.slice(0, -1)) await client.play(step);
  const last = steps.at(-1);
  if (last !== undefined && point !== "before sending") {
    if (point === "after the answer") await client.play(last);
    else client.send(last, point === "after sending" ? 1 : 0.5);
  }
  exit(client.socket);
  return client;
}

class LeavingClient {
  readonly socket: Socket;
  #received = "";
  #changed = Promise.withResolvers<void>();
  #over = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.on("error", () => undefined);
    this.socket.on("data", (bytes: Buffer) => {
      this.#received += bytes.toString("latin1");
      this.#notify();
    });
    this.socket.on("end", () => this.#end()).on("close", () => this.#end());
  }

  async play(step: ClientStep): Promise<void> {
    const before = this.#received.length;
    this.send(step, 1);
    if (step.until !== undefined) await this.#receive(step.until, before);
  }

  /** @param share of the bytes, from the first one. */
  send({ send }: ClientStep, share: number): void {
    const bytes = Buffer.from(typeof send === "function" ? send(this.#received) : send);
    this.socket.write(bytes.subarray(0, Math.ceil(bytes.length * share)));
  }

  async #receive(text: string, from: number): Promise<void> {
    while (!this.#received.includes(text, from)) {
      if (this.#over) throw new Error(`the server closed before it sent ${text}: ${this.#received}`);
      await this.#changed.promise;
    }
  }

  #end(): void {
    this.#over = true;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
