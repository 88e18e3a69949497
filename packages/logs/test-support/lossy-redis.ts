// For tests: a proxy to Redis that can close the connection after a command was executed and before its reply arrives.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";

export interface LossyRedis extends AsyncDisposable {
  readonly url: string;
  /** Closes the connection instead of forwarding the next reply. Resolves when it was closed. */
  loseReply(): Promise<void>;
}

export async function openLossyRedis(url: string): Promise<LossyRedis> {
  const { hostname, port } = new URL(url);
  let lost: PromiseWithResolvers<void> | undefined;
  const server = createServer((client) => {
    const redis = connect({ host: hostname, port: Number(port) });
    const close = () => {
      client.destroy();
      redis.destroy();
    };
    for (const socket of [client, redis]) socket.on("error", close).on("close", close);
    client.pipe(redis);
    redis.on("data", (reply) => {
      if (lost === undefined) {
        client.write(reply);
        return;
      }
      close();
      lost.resolve();
      lost = undefined;
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseReply: () => {
      lost ??= Promise.withResolvers();
      return lost.promise;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}
