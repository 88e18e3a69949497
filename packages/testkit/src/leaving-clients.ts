// Clients that disconnect at each point of an exchange, in each way that a TCP connection ends.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { eventually } from "./eventually.ts";

/** One message of a client. */
export interface ClientStep {
  /** The message's bytes; a function gets the text received so far. */
  readonly send: string | Uint8Array | ((received: string) => string | Uint8Array);
  /** The server's answer, after which the next message is sent. */
  readonly until?: string;
}

export interface LeavingOptions {
  readonly port: number;
  readonly steps: readonly ClientStep[];
  /** The ways in which clients disconnect. Default: all. */
  readonly ways?: readonly LeavingWay[];
  /** Sends the server a request, and throws without a response. Called while clients are half-closed, and after all have ended. */
  readonly stillAnswers: () => Promise<void>;
}

const points = ["before sending", "half-way through sending", "after sending", "after the answer"] as const;
type Point = (typeof points)[number];

const exits = {
  reset: (socket: Socket) => socket.resetAndDestroy(),
  cut: (socket: Socket) => socket.destroy(),
  "half-close": (socket: Socket) => socket.end(),
} as const;
export type LeavingWay = keyof typeof exits;
/** Each way that a TCP connection ends. */
export const leavingWays = Object.keys(exits) as LeavingWay[];

/** Number of concurrent clients per kind, because some faults need several disconnects at once. */
const clientsOfAKind = 3;

/**
 * Plays the exchange to each of its points, with clients that reset, cut or half-close the connection there, all at once. Waits
 * until no process holds a connection to any of them. @returns the errors that nothing in this process handled meanwhile.
 */
export async function leaveAtEachPoint({
  port,
  steps,
  ways = leavingWays,
  stillAnswers,
}: LeavingOptions): Promise<unknown[]> {
  using unhandled = new UnhandledErrors();
  const clients: Promise<LeavingClient>[] = [];
  for (const last of steps.keys()) {
    for (const point of points) {
      for (const way of ways) {
        for (let count = 0; count < clientsOfAKind; count += 1)
          clients.push(playUntil(port, steps.slice(0, last + 1), point, exits[way]));
      }
    }
  }
  const left = await Promise.all(clients);
  await stillAnswers();
  for (const client of left) client.socket.destroy();
  await stillAnswers();
  const ports = new Set(left.map(({ port: clientPort }) => clientPort));
  await eventually(async () => (await connectionsFrom(port, ports)) === 0);
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

/**
 * Counts the connections of a server's port from these ports of clients that a process still holds, on Linux. Columns of the table:
 * local address, remote address, state, …, inode; the inode of a connection that only the kernel still knows is 0.
 */
async function connectionsFrom(serverPort: number, clientPorts: ReadonlySet<number>): Promise<number> {
  if (process.platform !== "linux") return 0;
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  const portIn = (address = "") => Number.parseInt(address.slice(address.lastIndexOf(":") + 1), 16);
  return tables
    .flatMap((table) => table.split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, remote]) => portIn(local) === serverPort && clientPorts.has(portIn(remote)))
    .filter((columns) => columns[9] !== "0").length;
}

async function playUntil(
  port: number,
  steps: readonly ClientStep[],
  point: Point,
  exit: (socket: Socket) => void,
): Promise<LeavingClient> {
  const client = new LeavingClient(port);
  await once(client.socket, "connect");
  client.port = client.socket.localPort ?? 0;
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
  port = 0;
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
