// Webhook receivers that close the connection at each step of a request: the sender gets the reason, and leaves neither an error nor a
// connection behind.

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { eventually, UnhandledErrors } from "@slipway/testkit";
import { expect, test } from "vitest";
import { requestUrl } from "./request-url.ts";

const reset = (socket: Socket) => void socket.resetAndDestroy();
const halfClose = (socket: Socket) => void socket.end();
const after = (text: string, end: (socket: Socket) => void) => (socket: Socket) =>
  void socket.write(text, () => end(socket));
const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

test.for([
  ["when it connects", "connection", reset],
  ["when the request arrives", "data", reset],
  ["after half of the status line", "data", after("HTTP/1.1 2", reset)],
  ["after half of the head", "data", after("HTTP/1.1 200 OK\r\nContent-Le", reset)],
  ["after the head", "data", after(head, reset)],
  ["after half of the body", "data", after(`${head}hello`, reset)],
  [
    "after half of a chunk",
    "data",
    after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf", reset),
  ],
  ["by half-closing when it connects", "connection", halfClose],
  ["by half-closing when the request arrives", "data", halfClose],
  ["by half-closing after half of the head", "data", after("HTTP/1.1 200 OK\r\nContent-Le", halfClose)],
  ["by half-closing after half of the body", "data", after(`${head}hello`, halfClose)],
] as const)("a receiver that ends the connection %s is reported", async ([, when, end]) => {
  using unhandled = new UnhandledErrors();
  const connections: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.push(socket);
    socket.on("error", () => undefined).on("end", () => socket.end());
    if (when === "connection") end(socket);
    else socket.once("data", () => end(socket));
    socket.resume();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const response = await requestUrl(`http://127.0.0.1:${port}/hook`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text: "x".repeat(256 * 1024) }),
    allowedPrivateHosts: [`127.0.0.1:${port}`],
    signal: AbortSignal.timeout(30_000),
  });
  expect(response).toEqual({ status: null, headers: {}, text: "", error: expect.any(String) as string });
  await eventually(async () => connections.every(({ destroyed }) => destroyed));
  expect(unhandled.errors).toEqual([]);
  server.close();
});
