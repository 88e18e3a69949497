import { once } from "node:events";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { requestHead, UnhandledErrors, upgradeHead } from "@slipway/testkit";
import { expect, test } from "vitest";
import { createPeerServer } from "./peer-server.ts";
import type { PeerHandlers } from "./peer-server.ts";

/** Starts a server with these handlers. */
async function startServer(handlers: Omit<PeerHandlers, "onFailure">) {
  const failures: unknown[] = [];
  const server = createPeerServer({}, { ...handlers, onFailure: (error) => failures.push(error) });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const open = async (head: string) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.write(head);
    return socket;
  };
  return {
    failures,
    open,
    /** Node's server emits errors of accept() this way. */
    emitError: (error: Error) => server.emit("error", error),
    /** @returns all data that the server sends until it closes the connection. */
    send: async (head: string) => text(await open(head)),
    /** Sends the head and resets the connection before the server can read it. */
    reset: async (head: string) => {
      const socket = await open(head);
      socket.resetAndDestroy();
      await once(socket, "close");
    },
    [Symbol.asyncDispose]: () => server.stop({ graceMs: 0 }),
  };
}

const get = requestHead("GET /", ["Connection: close"]);
const upgrade = upgradeHead("/");

test("a request of a disconnected client is neither handled nor reported", async () => {
  using unhandled = new UnhandledErrors();
  const served: (string | undefined)[] = [];
  await using server = await startServer({
    request: ({ socket }, response) => {
      served.push(socket.remoteAddress);
      response.end("answer");
    },
    upgrade: ({ socket }) => {
      served.push(socket.remoteAddress);
      socket.end("upgraded");
    },
  });
  for (let count = 0; count < 10; count += 1) await Promise.all([get, upgrade].map(server.reset));
  expect(await server.send(get)).toContain("answer");
  expect(await server.send(upgrade)).toBe("upgraded");
  expect(served).toEqual(["127.0.0.1", "127.0.0.1"]);
  expect(server.failures).toEqual([]);
  expect(unhandled.errors).toEqual([]);
});

test("the client's address stays available after the client has disconnected", async () => {
  const late = Promise.withResolvers<string | undefined>();
  await using server = await startServer({
    request: async ({ socket }) => {
      await once(socket.resume(), "close");
      late.resolve(socket.remoteAddress);
    },
  });
  const client = await server.open(get);
  client.end();
  expect(await late.promise).toBe("127.0.0.1");
});

test("a connection with more unanswered requests than allowed is closed", async () => {
  const waiting: (() => void)[] = [];
  await using server = await startServer({
    request: (_request, response) => waiting.push(() => response.end("answer")),
  });
  const allowed = await server.open(requestHead("GET /").repeat(32));
  while (waiting.length < 32) await new Promise(setImmediate);
  for (const answer of waiting.splice(0)) answer();
  let received = "";
  for await (const bytes of allowed) if ((received += String(bytes)).split("answer").length > 32) break;
  expect(await server.send(requestHead("GET /").repeat(1_000))).toBe("");
  expect(waiting).toHaveLength(32);
});

test("a connection that fails after its upgrade is closed", async () => {
  using unhandled = new UnhandledErrors();
  const upgraded = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<boolean>();
  await using server = await startServer({
    request: (_request, response) => response.end(),
    upgrade: (_request, socket) => {
      upgraded.resolve();
      socket.resume().once("close", closed.resolve);
    },
  });
  const client = await server.open(upgrade);
  await upgraded.promise;
  client.resetAndDestroy();
  expect(await closed.promise).toBe(true);
  expect(unhandled.errors).toEqual([]);
});

test.each([
  ["throws", () => JSON.parse("{")],
  ["rejects", async () => JSON.parse("{")],
])(
  "the error of a handler that %s is reported, its connection is closed, and later requests are handled",
  async (_how, fail) => {
    using unhandled = new UnhandledErrors();
    await using server = await startServer({
      request: ({ url }, response) => (url === "/" ? fail() : response.end("answer")),
      upgrade: fail,
    });
    expect(await server.send(get)).toBe("");
    expect(await server.send(upgrade)).toBe("");
    expect(server.failures).toEqual([expect.any(SyntaxError), expect.any(SyntaxError)]);
    expect(await server.send(get.replace("/", "/other"))).toContain("answer");
    expect(unhandled.errors).toEqual([]);
  },
);

test("an error event of a response is reported", async () => {
  using unhandled = new UnhandledErrors();
  const written = Promise.withResolvers<void>();
  await using server = await startServer({
    request: (_request, response) => {
      response.end("answer");
      response.write("more", () => written.resolve());
    },
  });
  await server.send(get);
  await written.promise;
  expect(server.failures).toEqual([expect.objectContaining({ code: "ERR_STREAM_WRITE_AFTER_END" })]);
  expect(unhandled.errors).toEqual([]);
});

test("a connection that cannot be accepted is reported, and later ones are served", async () => {
  using unhandled = new UnhandledErrors();
  await using server = await startServer({ request: (_request, response) => response.end("answer") });
  const error = Object.assign(new Error("accept EMFILE"), { code: "EMFILE" });
  server.emitError(error);
  expect(server.failures).toEqual([error]);
  expect(await server.send(get)).toContain("answer");
  expect(unhandled.errors).toEqual([]);
});
