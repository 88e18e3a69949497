// The proxy between a real client and real servers. The worker's buildpack tests use git with it.

import { once } from "node:events";
import { type Server, createServer, request } from "node:http";
import { type AddressInfo, type Socket, createServer as createTcpServer } from "node:net";
import { text } from "node:stream/consumers";
import { cutServer, unexpected } from "@slipway/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type GuardedProxy, openGuardedProxy } from "./guarded-proxy.ts";

let opened: AsyncDisposableStack;
let origin: string;
let proxy: GuardedProxy;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  const server = createServer((incoming, response) => {
    const { headers, method, url } = incoming;
    response.setHeader("x-proxy-authorization", headers["proxy-authorization"] ?? "none");
    text(incoming).then((body) => response.writeHead(201).end(`${method} ${url} ${body}`), unexpected);
  });
  origin = await listen(server);
  proxy = await open();
});
afterEach(() => opened.disposeAsync());

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  opened.defer(() => cutServer(server));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(
  allowedPrivateHosts: readonly string[] = [origin],
  maxSizeBytes = 1000,
): Promise<GuardedProxy> {
  return opened.use(await openGuardedProxy({ allowedPrivateHosts, maxSizeBytes }));
}

function options(method: string, path: string, credentials = new URL(proxy.url)) {
  const { hostname, port, username, password } = credentials;
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return { hostname, port, method, path, agent: false, headers: { "proxy-authorization": authorization } };
}

async function send(path: string, body = "", credentials?: URL) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number | undefined;
    body: string;
    seen: unknown;
  }>();
  const outgoing = request(options("POST", path, credentials), (response) => {
    text(response).then(
      (received) =>
        resolve({
          status: response.statusCode,
          body: received,
          seen: response.headers["x-proxy-authorization"],
        }),
      reject,
    );
  });
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}

async function connect(authority: string): Promise<{ status: number | undefined; socket: Socket }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number | undefined;
    socket: Socket;
  }>();
  const outgoing = request(options("CONNECT", authority));
  outgoing.on("error", reject);
  outgoing.once("connect", ({ statusCode: status }, socket, head) => {
    // Bytes that arrived together with the response.
    if (head.length > 0) socket.unshift(head);
    opened.defer(() => void socket.destroy());
    resolve({ status, socket });
  });
  outgoing.end();
  return promise;
}

test("a request is forwarded with its body, and without the proxy's credentials", async () => {
  expect(await send(`http://${origin}/a?b`, "body")).toEqual({
    status: 201,
    body: "POST /a?b body",
    seen: "none",
  });
  expect(proxy.failure()).toBeNull();
});

test("a tunnel carries bytes in both directions", async () => {
  const { status, socket } = await connect(origin);
  socket.write("GET /tunnel HTTP/1.0\r\n\r\n");
  expect(status).toBe(200);
  expect(await text(socket)).toContain("GET /tunnel");
});

test("a client without the credentials is refused", async () => {
  const wrong = new URL(proxy.url);
  wrong.password = "wrong";
  expect((await send(`http://${origin}/`, "", wrong)).status).toBe(407);
});

test.each([
  ["169.254.169.254:80", "169.254.169.254:80 is not on the public internet"],
  ["127.0.0.1:1", "127.0.0.1:1 is not on the public internet"],
  ["[::1]:80", "[::1]:80 is not on the public internet"],
  ["[::ffff:10.0.0.1]:80", "is not on the public internet"],
  ["localhost:22", "localhost:22 is not on the public internet"],
])("a tunnel to %s is refused", async (authority, message) => {
  expect((await connect(authority)).status).toBe(502);
  expect(proxy.failure()?.message).toContain(message);
});

test("a request for a host that is not public is refused, and one that is no http URL", async () => {
  expect((await send("http://10.0.0.1/")).status).toBe(502);
  expect(proxy.failure()?.message).toContain("10.0.0.1 is not on the public internet");
  expect((await send("https://example.test/")).status).toBe(502);
  expect((await send("file:///etc/passwd")).status).toBe(502);
});

test("a host that refuses the connection is named", async () => {
  const gone = createServer();
  const host = await listen(gone);
  await cutServer(gone);
  proxy = await open([host]);
  expect((await connect(host)).status).toBe(502);
  expect(proxy.failure()?.message).toBe(`${host} refused the connection.`);
});

test("all connections together receive no more than the limit", async () => {
  const server = createTcpServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(Buffer.alloc(600));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  opened.defer(() => void server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  proxy = await open([host]);
  expect(await text((await connect(host)).socket)).toHaveLength(600);
  await text((await connect(host)).socket).catch(() => "");
  expect(proxy.failure()).toMatchObject({ code: "archive-too-large" });
});
