// A way to a server that tests can make slow, silent or cut: a TCP proxy on the loopback interface.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface TestProxy extends AsyncDisposable {
  /** The server's URL, by way of the proxy. */
  readonly url: string;
  /** How many connections are open. */
  connections(): number;
  /** From now on nothing the server says arrives, until `flow`. */
  hold(): void;
  flow(): void;
  /** Ends all connections as a broken network does, and refuses new ones until `flow`. */
  cut(): void;
}

interface Passage {
  readonly client: Socket;
  readonly upstream: Socket;
}

export async function startProxy(serverUrl: string): Promise<TestProxy> {
  const url = new URL(serverUrl);
  const target = { host: url.hostname, port: Number(url.port) };
  const passages = new Set<Passage>();
  let state: "flowing" | "held" | "cut" = "flowing";
  const server = createServer((client) => {
    if (state === "cut") client.resetAndDestroy();
    else open({ client, upstream: connect(target) }, passages, state === "held");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    connections: () => passages.size,
    hold: () => {
      state = "held";
      for (const { client, upstream } of passages) upstream.unpipe(client).pause();
    },
    flow: () => {
      state = "flowing";
      for (const { client, upstream } of passages) upstream.pipe(client);
    },
    cut: () => {
      state = "cut";
      breakAll(passages);
    },
    [Symbol.asyncDispose]: async () => {
      breakAll(passages);
      server.close();
      await once(server, "close");
    },
  };
}

/** Whatever becomes of one side becomes of the other. */
function open(passage: Passage, passages: Set<Passage>, held: boolean): void {
  const { client, upstream } = passage;
  passages.add(passage);
  const end = () => {
    passages.delete(passage);
    client.destroy();
    upstream.destroy();
  };
  for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
  client.pipe(upstream);
  if (!held) upstream.pipe(client);
}

function breakAll(passages: Set<Passage>): void {
  for (const { client, upstream } of passages) {
    client.resetAndDestroy();
    upstream.resetAndDestroy();
  }
}
