// A TCP proxy in front of the registry that counts the bytes sent to it.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import type { BenchEnvironment } from "../slipway.ts";

export interface CountingProxy extends AsyncDisposable {
  readonly host: string;
  /** Bytes sent to the registry so far: bodies, headers, and requests of pulls. */
  sentBytes(): number;
}

/** @throws an error when the registry is not reached over HTTP: the engine trusts no other certificate or host here. */
export async function startCountingProxy(registryUrl: string): Promise<CountingProxy> {
  const { protocol, hostname, port } = new URL(registryUrl);
  if (protocol !== "http:")
    throw new Error("This benchmark needs a registry over HTTP: unset TEST_REGISTRY_URL.");
  let sentBytes = 0;
  const open = new Set<Socket>();
  // Small pieces must not wait for acknowledgements: that would delay requests by 40 ms, which no direct connection does.
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: Number(port || 80), host: hostname, noDelay: true });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
    }
    client.on("data", (bytes) => (sentBytes += bytes.length));
    // Either end may reset its connection, for example after an aborted push. The other end's connection is then closed.
    const close = () => [client, upstream].forEach((socket) => socket.destroy());
    Promise.all([pipeline(client, upstream), pipeline(upstream, client)]).catch(close);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sentBytes,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The environment of a Slipway that reaches the registry through the proxy. */
export function behindProxy(environment: BenchEnvironment, { host }: CountingProxy): BenchEnvironment {
  const registry = new URL(environment.REGISTRY_URL);
  const registryHost = registry.host;
  registry.host = host;
  const behind = (image: string) => {
    if (image.startsWith(`${registryHost}/`)) return `${host}${image.slice(registryHost.length)}`;
    throw new Error(`The stack image ${image} is not in the registry ${registryHost}: unset STACK_IMAGE.`);
  };
  return {
    ...environment,
    REGISTRY_URL: registry.href,
    STACK_IMAGE: behind(environment.STACK_IMAGE),
    STACK_BUILD_IMAGE: behind(environment.STACK_BUILD_IMAGE),
  };
}
