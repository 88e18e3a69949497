// A TCP proxy of a MongoDB server, which tests make slow, silent or unavailable.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { ConnectionString } from "mongodb-connection-string-url";

export interface TestProxy extends AsyncDisposable {
  /** The server's URL, with the proxy's address. */
  readonly url: string;
  /** The number of open connections. */
  connections(): number;
  /** Delays everything the server sends, until `resume`. */
  delay(): void;
  /**
   * Delays what the server sends on the connection that next carries this command on this collection; resolves once the command
   * is sent to the server.
   */
  delayAt(command: string, collection: string): Promise<void>;
  resume(): void;
  /** Resets all connections, and refuses new ones until `resume`. */
  cut(): void;
}

interface Passage {
  readonly client: Socket;
  readonly upstream: Socket;
}

/** The bytes to wait for in what clients send. */
interface Watch {
  readonly bytes: Buffer;
  readonly seen: () => void;
}

export async function startProxy(serverUrl: string): Promise<TestProxy> {
  const url = new ConnectionString(serverUrl);
  const [host = "", port] = (url.hosts[0] ?? "").split(":");
  const target = { host, port: Number(port) };
  let watch: Watch | undefined;
  const passages = new Set<Passage>();
  let state: "open" | "delayed" | "cut" = "open";
  const server = createServer((client) => {
    if (state === "cut") client.resetAndDestroy();
    else {
      const passage = { client, upstream: connect(target) };
      client.on("data", (bytes: Buffer) => {
        if (watch === undefined || !bytes.includes(watch.bytes)) return;
        stopAnswers(passage);
        watch.seen();
        watch = undefined;
      });
      open(passage, passages, state === "delayed");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url.hosts = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  return {
    url: url.href,
    connections: () => passages.size,
    delay: () => {
      state = "delayed";
      for (const passage of passages) stopAnswers(passage);
    },
    delayAt: (command, collection) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      watch = { bytes: commandBytes(command, collection), seen: resolve };
      return promise;
    },
    resume: () => {
      state = "open";
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

function stopAnswers({ client, upstream }: Passage): void {
  upstream.unpipe(client).pause();
}

/** How a command begins on the wire: its name, and the collection as a string with its length before and a zero behind. */
function commandBytes(command: string, collection: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32LE(collection.length + 1);
  return Buffer.concat([Buffer.from(`${command}\0`), length, Buffer.from(`${collection}\0`)]);
}

/** The end or error of one side ends the other. */
function open(passage: Passage, passages: Set<Passage>, delayed: boolean): void {
  const { client, upstream } = passage;
  passages.add(passage);
  const end = () => {
    passages.delete(passage);
    client.destroy();
    upstream.destroy();
  };
  for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
  client.pipe(upstream);
  if (!delayed) upstream.pipe(client);
}

function breakAll(passages: Set<Passage>): void {
  for (const { client, upstream } of passages) {
    client.resetAndDestroy();
    upstream.resetAndDestroy();
  }
}
