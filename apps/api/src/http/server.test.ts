import { connect, createServer } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { freePort, unexpected } from "@slipway/testkit";
import { listen } from "./server.ts";

const host = "127.0.0.1";
const onFailure = unexpected;

test("a stop waits for running requests", async () => {
  const port = await freePort();
  const received = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const server = await listen(
    (_request, response) => {
      received.resolve();
      void finish.promise.then(() => response.end("finished"));
    },
    { host, port, onFailure },
  );
  const answer = fetch(`http://${host}:${port}`);
  await received.promise;
  const stopped = server.stop({ graceMs: 60_000 });
  finish.resolve();
  expect(await (await answer).text()).toBe("finished");
  await stopped;
  await expect(fetch(`http://${host}:${port}`)).rejects.toThrow("fetch failed");
});

test("a malformed request gets 400 with the common headers, and is reported", async () => {
  const port = await freePort();
  const refusals: unknown[] = [];
  const onRefused = (refusal: unknown) => void refusals.push(refusal);
  const server = await listen((_request, response) => response.end(), { host, port, onRefused, onFailure });
  const socket = connect(port, host);
  socket.write("HELLO\r\n\r\n");
  const answer = await text(socket);
  const [, id] = /\r\nX-Request-Id: ([0-9a-f-]{36})\r\n/.exec(answer) ?? [];
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(answer).toContain("Content-Security-Policy: default-src 'none'");
  expect(refusals).toEqual([{ id, from: host, status: 400, code: "HPE_INVALID_METHOD" }]);
  await server.stop({ graceMs: 1_000 });
});

test("a malformed request after the start of a response only closes the connection", async () => {
  const port = await freePort();
  const server = await listen((_request, response) => response.writeHead(200).write("begun"), {
    host,
    port,
    onFailure,
  });
  const socket = connect(port, host);
  const received: string[] = [];
  const begun = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    received.push(chunk.toString());
    if (received.join("").includes("begun")) begun.resolve();
  });
  socket.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  await begun.promise;
  socket.write("no size\r\n");
  await once(socket, "close");
  expect(received.join("").match(/HTTP\/1\.1/g)).toHaveLength(1);
  await server.stop({ graceMs: 1_000 });
});

test("requests that exceed the grace time are aborted", async () => {
  const port = await freePort();
  const received = Promise.withResolvers<void>();
  const server = await listen(() => received.resolve(), { host, port, onFailure });
  const [answer] = await Promise.allSettled([
    fetch(`http://${host}:${port}`),
    received.promise.then(() => server.stop({ graceMs: 10 })),
  ]);
  expect(answer.status).toBe("rejected");
});

test("the error for a port in use names the address", async () => {
  const other = createServer().listen(0, host);
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await expect(listen(() => undefined, { host, port, onFailure })).rejects.toMatchObject({
    code: "configuration-invalid",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
  other.close();
});

test("oversized headers get 431", async () => {
  const port = await freePort();
  const server = await listen((_request, response) => response.end(), { host, port, onFailure });
  const socket = connect(port, host);
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(17 * 1024)}\r\n\r\n`);
  expect(await text(socket)).toContain("431 ");
  await server.stop({ graceMs: 1_000 });
});

test("slow headers get 408, and an idle connection is closed", async () => {
  const port = await freePort();
  const limits = { headersMs: 50, checkMs: 10, idleMs: 100 };
  const server = await listen((request) => request.resume(), { host, port, limits, onFailure });
  const slow = connect(port, host);
  slow.write("GET / HTTP/1.1\r\nHost: x\r\nX-Half: ");
  expect(await text(slow)).toContain("408 ");
  const quiet = connect(port, host);
  quiet.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
  expect(await text(quiet)).toBe("");
  await server.stop({ graceMs: 1_000 });
});
