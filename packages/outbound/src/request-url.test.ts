import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { cutServer } from "@slipway/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requestUrl } from "./request-url.ts";
import type { RequestUrlOptions } from "./request-url.ts";

let last: { request: IncomingMessage; body: string } | undefined;
const server = createServer((request, response) => {
  void text(request).then((body) => {
    last = { request, body };
    if (request.url === "/moved") response.writeHead(302, { location: "/ok" }).end();
    else if (request.url === "/long") response.end("x".repeat(100_000));
    else if (request.url === "/cut") {
      response.writeHead(200, { "content-length": 100 }).write("half");
      setImmediate(() => response.destroy());
    } else if (request.url === "/stuck") response.write("half");
    else response.writeHead(request.url === "/error" ? 500 : 201).end("thanks");
    return undefined;
  });
});
let base = "";

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => cutServer(server));

function send(url: string, changes: Partial<RequestUrlOptions> = {}) {
  return requestUrl(url, {
    method: "POST",
    headers: { "content-type": "application/json", "x-more": "1" },
    body: '{"é":1}',
    allowedPrivateHosts: ["127.0.0.0/8"],
    signal: new AbortController().signal,
    ...changes,
  });
}

test("requestUrl sends method, headers and body, and returns the response's status and the beginning of its body", async () => {
  const response = await send(`${base}/ok?a=b`);
  expect(response).toMatchObject({ status: 201, error: null, text: "thanks" });
  expect(last?.body).toBe('{"é":1}');
  expect(last?.request).toMatchObject({ method: "POST", url: "/ok?a=b" });
  expect(last?.request.headers).toMatchObject({
    "x-more": "1",
    "content-length": "8",
    "user-agent": "slipway",
  });
  expect(await send(`${base}/error`)).toMatchObject({ status: 500, error: null });
  expect((await send(`${base}/long`)).text).toHaveLength(16 * 1024);
});

test("requestUrl does not follow a redirect", async () => {
  expect(await send(`${base}/moved`)).toMatchObject({ status: 302 });
  expect(last?.request.url).toBe("/moved");
});

test.for([
  ["http://127.0.0.1:1/", "127.0.0.1:1 refused the connection."],
  [
    "http://10.0.0.1/secret?token=s3cret",
    "10.0.0.1 is not on the public internet, and the operator has not allowed it.",
  ],
  ["ftp://example.com", "The URL must begin with http:// or https://."],
  ["nonsense", "The URL is not valid."],
] as const)("a request to %s fails: %s", async ([url, error]) => {
  expect(await send(url)).toEqual({ status: null, error, headers: {}, text: "" });
});

test("requestUrl reports a response that breaks off or never ends, and rejects when aborted", async () => {
  expect(await send(`${base}/cut`)).toMatchObject({
    status: null,
    error: "the connection broke during the response",
  });
  expect(await send(`${base}/stuck`, { timeoutMs: 100 })).toMatchObject({
    error: "no response within 0.1 s",
  });
  const reason = new Error("stop");
  await expect(send(`${base}/ok`, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test("requestUrl closes the connection when the server switches protocols", async () => {
  const switching = createTcpServer((socket) => {
    const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    socket.on("error", () => undefined).once("data", () => socket.write(head));
  });
  await once(switching.listen(0, "127.0.0.1"), "listening");
  const { port } = switching.address() as AddressInfo;
  try {
    const response = await send(`http://127.0.0.1:${port}/`);
    expect(response).toEqual({
      status: null,
      error: `127.0.0.1:${port} closed the connection.`,
      headers: {},
      text: "",
    });
  } finally {
    switching.close();
  }
});
