// A proxy of a TCP server that a test can shut: then nothing passes, and both connections stay open.

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

  /** @param targetPort on the loopback interface, as the gate's own port is. */
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
        // Every end of a connection is passed on; the users of the connection handle its reason.
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

  /** What the gate delayed passes now. */
  reopen(): void {
    this.#shut = false;
    for (const socket of this.#sockets) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
