// Requests to a test server that responds before, during or never after an upload.

import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { cutServer, UnhandledErrors } from "@slipway/testkit";
import { afterEach, expect, test } from "vitest";
import { RegistryResponse } from "./response.ts";
import { send } from "./send.ts";
import type { OutgoingRequest } from "./send.ts";

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) await server[Symbol.asyncDispose]();
});

test("a stream is sent whole, as fast as the server reads, and closed", async () => {
  let receivedBytes = 0;
  const url = await serve((request, response) => {
    request.on("data", (chunk: Buffer) => (receivedBytes += chunk.length));
    request.on("end", () => response.writeHead(201).end("stored"));
  });
  const source = new Source(200);
  const response = await put(url, source);
  expect([response.status, await response.text()]).toEqual([201, "stored"]);
  expect(receivedBytes).toBe(200 * source.block.length);
  await source.closed;
});

test("a response before the end of an upload arrives, and the stream is closed", async () => {
  using unhandled = new UnhandledErrors();
  const url = await serve((request, response) => {
    request.once("data", () => {
      request.pause();
      response.writeHead(413).end("too large");
    });
  });
  const source = new Source(Number.POSITIVE_INFINITY);
  const response = await put(url, source);
  expect([response.status, await response.text()]).toEqual([413, "too large"]);
  await source.closed;
  expect(unhandled.errors).toEqual([]);
});

test("the stream is closed when a server responds that reads no further and keeps the connection open", async () => {
  const server = createTcpServer((socket) => {
    opened.unshift({ [Symbol.asyncDispose]: async () => void socket.destroy() });
    socket
      .on("error", () => undefined)
      .once("data", () => {
        socket.pause();
        socket.write("HTTP/1.1 413 Payload Too Large\r\ncontent-length: 9\r\n\r\ntoo large");
      });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  opened.push(server);
  const source = new Source(Number.POSITIVE_INFINITY);
  const response = await put(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), source);
  expect([response.status, await response.text()]).toEqual([413, "too large"]);
  await source.closed;
});

test("an abort ends an upload that the server does not read, with its reason", async () => {
  const stop = new AbortController();
  const url = await serve((request) => {
    request.pause();
    stop.abort(new Error("aborted by the user"));
  });
  const source = new Source(Number.POSITIVE_INFINITY);
  await expect(put(url, source, { signal: stop.signal })).rejects.toThrow("aborted by the user");
  await source.closed;
});

test("the error of the stream is the error of the request, and the server sees no complete upload", async () => {
  const cut = Promise.withResolvers<boolean>();
  const url = await serve((request) => {
    request.resume().once("close", () => cut.resolve(request.complete));
  });
  async function* failing() {
    yield Buffer.alloc(100_000);
    throw new Error("the source failed");
  }
  await expect(put(url, failing())).rejects.toThrow("the source failed");
  expect(await cut.promise).toBe(false);
});

test("content that exceeds its Content-Length is not sent: the server would read it as another request", async () => {
  const paths: unknown[] = [];
  const begun = Promise.withResolvers<void>();
  const cut = Promise.withResolvers<boolean>();
  const url = await serve((request, response) => {
    paths.push(request.url);
    request.on("data", () => begun.resolve()).once("end", () => response.writeHead(201).end());
    request.once("close", () => cut.resolve(request.complete));
  });
  async function* longer() {
    yield Buffer.from("first");
    await begun.promise;
    yield Buffer.from("last bytesGET /hidden HTTP/1.1\r\nHost: registry\r\n\r\n");
  }
  const sent = put(url, longer(), { headers: { "content-length": "15" } });
  await expect(sent).rejects.toThrow("more than the 15 bytes that its Content-Length states");
  expect([await cut.promise, paths]).toEqual([false, ["/"]]);
});

test("content that ends before its Content-Length fails the request, and the server sees no complete upload", async () => {
  const cut = Promise.withResolvers<boolean>();
  const url = await serve((request) => {
    request.resume().once("close", () => cut.resolve(request.complete));
  });
  async function* shorter() {
    yield Buffer.alloc(100_000);
  }
  const sent = put(url, shorter(), { headers: { "content-length": "100001" } });
  await expect(sent).rejects.toThrow("has 100000 bytes, and its Content-Length states 100001");
  expect(await cut.promise).toBe(false);
});

test.for(["0x10", "1e3", "-1", "NaN"])(
  "the Content-Length %s is refused before anything is sent",
  async (stated) => {
    const url = await serve((request, response) => {
      request.resume();
      response.end();
    });
    const sent = put(url, new Source(1), { headers: { "content-length": stated } });
    await expect(sent).rejects.toThrow(`the Content-Length "${stated}" is not a number of bytes`);
  },
);

/** A source of blocks of 64 KiB, which records whether it was closed. */
class Source implements AsyncIterable<Uint8Array> {
  readonly block = Buffer.alloc(64 * 1024, "x");
  readonly #closed = Promise.withResolvers<void>();
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (let sent = 0; sent < this.#count; sent += 1) yield this.block;
    } finally {
      this.#closed.resolve();
    }
  }
}

async function put(
  url: URL,
  body: AsyncIterable<Uint8Array>,
  { headers = {}, signal = new AbortController().signal }: Partial<OutgoingRequest> = {},
): Promise<RegistryResponse> {
  const method = "PUT";
  return new RegistryResponse(await send(url, { method, headers, body, signal }), {
    url,
    method,
    signal,
  });
}

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.push({ [Symbol.asyncDispose]: () => cutServer(server) });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}
