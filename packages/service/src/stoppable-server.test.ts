import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { requestHead, unexpected, upgradeHead } from "@slipway/testkit";
import { expect, test } from "vitest";
import { createPeerServer } from "./peer-server.ts";
import type { PeerHandlers } from "./peer-server.ts";

const get = requestHead("GET /", []);
const graceMs = 60_000;

/** Starts a server with these handlers. */
async function startServer(request: RequestListener, upgrade?: PeerHandlers["upgrade"]) {
  const handlers = { request, onFailure: unexpected };
  const server = createPeerServer({}, upgrade === undefined ? handlers : { ...handlers, upgrade });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    /** Connects, and sends the head. */
    open: async (head = "") => {
      const accepted = once(server, "connection");
      const client = connect(port, "127.0.0.1");
      await accepted;
      client.write(head);
      return client;
    },
    [Symbol.asyncDispose]: () => server.stop({ graceMs: 0 }),
  };
}

/** A handler that does not answer its requests. */
function pending() {
  const received = Promise.withResolvers<Parameters<RequestListener>[1]>();
  return {
    received: received.promise,
    handler: ((_request, response) => received.resolve(response)) as RequestListener,
  };
}

/** Waits until the client has received the text. @returns all received text. */
async function receive(client: Socket, awaited: string): Promise<string> {
  let received = "";
  for await (const chunk of client.iterator({ destroyOnReturn: false })) {
    received += String(chunk);
    if (received.includes(awaited)) break;
  }
  return received;
}

test("a running request finishes during a stop, and its response closes the connection", async () => {
  const { received, handler } = pending();
  await using service = await startServer(handler);
  const client = await service.open(get);
  const response = await received;
  const stopped = service.server.stop({ graceMs });
  response.end("finished");
  const answer = await text(client);
  expect(answer).toMatch(/^Connection: close\r$/m);
  expect(answer).toContain("finished");
  await stopped;
});

test("a connection whose response began before the stop is closed after the response", async () => {
  const { received, handler } = pending();
  await using service = await startServer(handler);
  const client = await service.open(get);
  const response = await received;
  response.write("begun");
  await receive(client, "begun");
  const stopped = service.server.stop({ graceMs });
  response.end("finished");
  expect(await text(client)).toContain("finished");
  await stopped;
});

test("a client that receives an ended response slowly gets all of it", async () => {
  const bytes = 30_000_000;
  const { received, handler } = pending();
  await using service = await startServer(handler);
  const client = await service.open(get);
  const response = await received;
  response.end(Buffer.alloc(bytes));
  await once(client, "readable");
  expect(response.writableFinished).toBe(false);
  const stopped = service.server.stop({ graceMs });
  expect((await text(client)).length).toBeGreaterThan(bytes);
  await stopped;
});

test("a stop closes idle connections at once, and refuses new ones", async () => {
  const { received, handler } = pending();
  await using service = await startServer((request, response) => {
    if (request.url === "/running") handler(request, response);
    else response.end("answer");
  });
  const kept = await service.open(get);
  await receive(kept, "answer");
  const withoutRequest = await service.open();
  const withHalfHead = await service.open("GET / HTTP/1.1\r\n");
  const running = await service.open(get.replace("/", "/running"));
  const response = await received;
  const stopped = service.server.stop({ graceMs });
  expect(await Promise.all([kept, withoutRequest, withHalfHead].map(text))).toEqual(["", "", ""]);
  const [error] = await once(connect(service.port, "127.0.0.1"), "error").catch((thrown: unknown) => [
    thrown,
  ]);
  expect(error).toMatchObject({ code: "ECONNREFUSED" });
  response.end("finished");
  expect(await text(running)).toContain("finished");
  await stopped;
});

test("pipelined requests all finish during a stop", async () => {
  const responses: Parameters<RequestListener>[1][] = [];
  const received = Promise.withResolvers<void>();
  await using service = await startServer((_request, response) => {
    if (responses.push(response) === 2) received.resolve();
  });
  const client = await service.open(get + get);
  await received.promise;
  const [first, second] = responses;
  const stopped = service.server.stop({ graceMs });
  first?.end("first");
  second?.end("second");
  expect(await text(client)).toMatch(/first[^]*Connection: close[^]*second/);
  await stopped;
});

test("a request that never ends and an upgraded connection are cut after the grace time", async () => {
  const { received, handler } = pending();
  const upgraded = Promise.withResolvers<IncomingMessage>();
  await using service = await startServer(handler, (request) => upgraded.resolve(request));
  const clients = [await service.open(get), await service.open(upgradeHead("/"))];
  const closed = clients.map((client) => {
    client.on("error", () => undefined).resume();
    return once(client, "close");
  });
  await Promise.all([received, upgraded.promise]);
  await service.server.stop({ graceMs: 10 });
  await Promise.all(closed);
  expect(clients.map(({ destroyed }) => destroyed)).toEqual([true, true]);
});

test("a stop leaves an upgraded connection to its owner", async () => {
  const upgraded = Promise.withResolvers<Socket>();
  await using service = await startServer(
    (_request, response) => response.end(),
    (_request, socket) => upgraded.resolve(socket),
  );
  const client = await service.open(upgradeHead("/"));
  const idle = await service.open();
  const socket = await upgraded.promise;
  const stopped = service.server.stop({ graceMs });
  await text(idle);
  socket.end("goodbye");
  expect(await text(client)).toBe("goodbye");
  await stopped;
});

test("a keep-alive connection may send further requests until the drain resolves", async () => {
  const drained = Promise.withResolvers<void>();
  await using service = await startServer((_request, response) => response.end("answer"));
  const client = await service.open(get);
  await receive(client, "answer");
  const stopped = service.server.stop({ graceMs, drain: () => drained.promise });
  client.write(get);
  expect(await receive(client, "answer")).toContain("Connection: keep-alive");
  drained.resolve();
  expect(await text(client)).toBe("");
  await stopped;
});

test("a server can accept new connections until the running requests have finished", async () => {
  const { received, handler } = pending();
  await using service = await startServer((request, response) => {
    if (request.url === "/running") handler(request, response);
    else response.writeHead(503, { connection: "close" }).end("stopping");
  });
  const running = await service.open(get.replace("/", "/running"));
  const response = await received;
  const stopped = service.server.stop({ graceMs, acceptUntilFinished: true });
  expect(await text(await service.open(get))).toContain("stopping");
  response.end("finished");
  expect(await text(running)).toMatch(/Connection: close[^]*finished/);
  await stopped;
  expect(service.server.listening).toBe(false);
});

test("pipelined requests that never end are cut while the server still accepts connections", async () => {
  const received = Promise.withResolvers<void>();
  let count = 0;
  await using service = await startServer(() => {
    count += 1;
    if (count === 2) received.resolve();
  });
  const client = await service.open(get + get);
  client.on("error", () => undefined);
  await received.promise;
  await service.server.stop({ graceMs: 10, acceptUntilFinished: true });
  expect(service.server.listening).toBe(false);
});

test("a disconnect closes the response that is being sent and those queued behind it, each once", async () => {
  const closes: string[] = [];
  const received = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  await using service = await startServer(({ url = "" }, response) => {
    response.on("close", () => {
      if (closes.push(url) === 3) closed.resolve();
    });
    if (url === "/ended") response.end("ended");
    if (url === "/written") response.write("written");
    if (url === "/written") received.resolve();
  });
  const client = await service.open(
    ["/running", "/ended", "/written"].map((path) => requestHead(`GET ${path}`)).join(""),
  );
  await received.promise;
  client.destroy();
  await closed.promise;
  await service.server.stop({ graceMs });
  expect(closes.toSorted()).toEqual(["/ended", "/running", "/written"]);
});

test("a failed drain rejects the stop", async () => {
  await using service = await startServer((_request, response) => response.end());
  const drain = () => Promise.reject(new Error("cannot drain"));
  await expect(service.server.stop({ graceMs, drain })).rejects.toThrow("cannot drain");
});

test("a second stop may shorten the grace time, and a stopped server may be stopped again", async () => {
  const { received, handler } = pending();
  await using service = await startServer(handler);
  const client = await service.open(get);
  client.on("error", () => undefined);
  await received;
  const stopped = service.server.stop({ graceMs });
  await Promise.all([stopped, service.server.stop({ graceMs: 0 })]);
  await expect(service.server.stop({ graceMs })).resolves.toBeUndefined();
});
