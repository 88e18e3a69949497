// A proxy in front of an engine.

import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface EngineFront extends AsyncDisposable {
  readonly dockerHost: string;
  /** Closes all connections, and accepts no more. */
  close(): void;
}

/** Closing the proxy simulates an engine that has stopped, or a client that has crashed. */
export async function engineFront(dockerHost: string): Promise<EngineFront> {
  const directory = await mkdtempDisposable(join(tmpdir(), "slipway-engine-"));
  const path = join(directory.path, "docker.sock");
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const engine = dockerHost.startsWith("unix://")
      ? connect(dockerHost.slice("unix://".length))
      : connect(Number(new URL(dockerHost).port), new URL(dockerHost).hostname);
    for (const [socket, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
    }
  });
  server.listen(path);
  await once(server, "listening");
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    dockerHost: `unix://${path}`,
    close,
    [Symbol.asyncDispose]: async () => {
      close();
      await directory.remove();
    },
  };
}
