// A proxy of a server. A test can shut it, slow it down or cut its connections.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, ListenOptions, NetConnectOpts, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A port of the loopback interface, or the path of a UNIX socket. */
export type GateAddress = { readonly port: number } | { readonly path: string };

export class Gate implements AsyncDisposable {
  /** 0 for a gate on a UNIX socket. */
  readonly port: number;
  readonly #close: () => void;
  readonly #sockets: Set<Socket>;
  #shut = false;
  #delayMs = 0;

  private constructor(port: number, sockets: Set<Socket>, close: () => void) {
    this.port = port;
    this.#sockets = sockets;
    this.#close = close;
  }

  /** @param at the address to listen on; by default a port that the kernel chooses. */
  static async open(target: GateAddress, at: GateAddress = { port: 0 }): Promise<Gate> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ ...atLoopback(target), allowHalfOpen: true });
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        gate.#pass(one, other);
        // Every end of a connection is forwarded. The users of the connection handle its error.
        one.on("error", () => undefined);
        one.on("close", () => sockets.delete(one));
        if (gate.#shut) one.pause();
      }
    }).listen(atLoopback(at));
    await once(server, "listening");
    const port = "port" in at ? (server.address() as AddressInfo).port : 0;
    const gate = new Gate(port, sockets, () => server.close());
    return gate;
  }

  /** Stops forwarding. Connections stay open. */
  shut(): void {
    this.#shut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Forwards the data that was delayed. */
  reopen(): void {
    this.#shut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Delays every chunk by this time, in both directions. */
  slowDown(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Closes all connections. New connections are forwarded. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    this.cut();
  }

  /** Forwards data and its end, in order. */
  #pass(from: Socket, to: Socket): void {
    let last = Promise.resolve();
    const later = (send: () => void) => {
      last = sendAfter(last, performance.now() + this.#delayMs, send);
    };
    from.on("data", (chunk: Buffer) => later(() => void to.write(chunk)));
    from.on("end", () => later(() => to.end()));
    from.on("close", () => later(() => to.destroy()));
  }
}

async function sendAfter(former: Promise<void>, dueAt: number, send: () => void): Promise<void> {
  await former;
  const waitMs = dueAt - performance.now();
  if (waitMs > 0) await sleep(waitMs);
  send();
}

function atLoopback(address: GateAddress): NetConnectOpts & ListenOptions {
  return "path" in address ? { path: address.path } : { port: address.port, host: "127.0.0.1" };
}
