// A way to a TCP server that can be shut: then nothing passes, and neither side is told.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export class Gate implements AsyncDisposable {
  readonly port: number;
  readonly #close: () => void;
  readonly #sockets: Set<Socket>;
  #shut = false;

  private constructor(port: number, sockets: Set<Socket>, close: () => void) {
    this.port = port;
    this.#sockets = sockets;
    this.#close = close;
  }

  /** @param targetPort on the loopback interface, as the gate's own. */
  static async open(targetPort: number): Promise<Gate> {
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(targetPort, "127.0.0.1");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.on("data", (chunk: Buffer) => void other.write(chunk));
        // An end of any kind is passed on as one; the reason is the business of those who use the connection.
        one.on("error", () => undefined);
        one.on("close", () => {
          sockets.delete(one);
          other.destroy();
        });
        if (gate.#shut) one.pause();
      }
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const gate = new Gate((server.address() as AddressInfo).port, sockets, () => server.close());
    return gate;
  }

  shut(): void {
    this.#shut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was held back passes now. */
  reopen(): void {
    this.#shut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
