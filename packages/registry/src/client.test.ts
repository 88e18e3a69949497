// A registry that stops in the middle of a response, or sends an invalid redirect or challenge: the request ends, and so do its
// connections and streams.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { cutServer } from "@slipway/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RegistryClient } from "./client.ts";

const { signal } = new AbortController();
const opened: AsyncDisposable[] = [];
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(async () => {
  vi.useRealTimers();
  for (const server of opened.splice(0)) await server[Symbol.asyncDispose]();
});

test("a streamed body of which nothing more arrives fails as registry-unavailable and closes the connection", async () => {
  const closed = Promise.withResolvers<void>();
  const client = await connect((_request, response) => {
    response.once("close", () => closed.resolve());
    half(response);
  });
  const response = await client.request("GET", "/v2/a/blobs/b", { expect: [200], streamed: true, signal });
  const chunks = bodyOf(response);
  expect(String((await chunks.next()).value)).toBe("half");
  const next = chunks.next();
  vi.advanceTimersByTime(300_000);
  await expect(next).rejects.toMatchObject({
    code: "registry-unavailable",
    message: expect.stringMatching(/^the registry 127\.0\.0\.1:\d+ sent nothing for 300 s/),
  });
  await closed.promise;
});

test("the time that the reader of a streamed body takes does not count", async () => {
  const sending = Promise.withResolvers<ServerResponse>();
  const client = await connect((_request, response) => {
    half(response);
    sending.resolve(response);
  });
  const response = await client.request("GET", "/v2/a/blobs/b", { expect: [200], streamed: true, signal });
  const chunks = bodyOf(response);
  await chunks.next();
  vi.advanceTimersByTime(400_000);
  const next = chunks.next();
  vi.advanceTimersByTime(200_000);
  (await sending.promise).end("rest");
  expect(String((await next).value)).toBe("rest");
  expect((await chunks.next()).done).toBe(true);
});

test("the body of an unexpected status is read within the request's time limit, also if a stream was requested", async () => {
  const client = await connect((_request, response) => half(response, 404));
  const received = "http.client.response.finish";
  const pass = () => void setImmediate(() => vi.advanceTimersByTime(30_000));
  subscribe(received, pass);
  try {
    const sent = client.request("GET", "/v2/a/blobs/b", { expect: [200], streamed: true, signal });
    await expect(sent).rejects.toMatchObject({
      code: "registry-unavailable",
      message: expect.stringContaining("no response within 30 s"),
    });
  } finally {
    unsubscribe(received, pass);
  }
});

test.for([
  [
    "has a header that cannot be sent",
    { headers: { "x-name": "a\nb" } },
    "Invalid character in header content",
  ],
  [
    "is aborted before",
    { signal: AbortSignal.abort(new Error("aborted by the user")) },
    "aborted by the user",
  ],
] as const)("a request that %s closes its stream unread", async ([_which, options, reason]) => {
  const client = await connect((_request, response) => void response.end());
  const closed = Promise.withResolvers<void>();
  const body = {
    [Symbol.asyncIterator]: () => {
      throw new Error("the stream is read");
    },
    [Symbol.asyncDispose]: async () => closed.resolve(),
  };
  const sent = client.request("PUT", "/v2/a", { body, expect: [201], signal, ...options });
  await expect(sent).rejects.toThrow(reason);
  await closed.promise;
});

test.for(["ftp://127.0.0.1/token", "token"])("the realm %s is an error of the registry", async (realm) => {
  const client = await connect((_request, response) => {
    response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}"` }).end();
  });
  const body = (async function* () {})();
  const sent = client.request("PUT", "/v2/a", { body, expect: [201], signal });
  await expect(sent).rejects.toMatchObject({
    code: "registry-unavailable",
    message: expect.stringContaining("header is neither an http nor an https URL"),
  });
});

test("the connection of a redirect whose body has no known end is closed", async () => {
  const closed = Promise.withResolvers<void>();
  const client = await connect((request, response) => {
    if (request.url === "/moved") {
      response.end("content");
      return;
    }
    response.once("close", () => closed.resolve());
    response.writeHead(307, { location: "/moved" }).write("never complete");
  });
  const response = await client.request("GET", "/v2/a/blobs/b", { expect: [200], signal });
  expect(await response.text()).toBe("content");
  await closed.promise;
});

function half(response: ServerResponse, status = 200): void {
  response.writeHead(status, { "content-length": "8" }).write("half");
}

function bodyOf(response: Awaited<ReturnType<RegistryClient["request"]>>): AsyncIterator<Uint8Array> {
  const body = response.body();
  if (body === null) throw new Error("the response has no body");
  return body[Symbol.asyncIterator]();
}

async function connect(listener: RequestListener): Promise<RegistryClient> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.push({ [Symbol.asyncDispose]: () => cutServer(server) });
  return new RegistryClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
