import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { expect, test } from "vitest";
import { untilAccepts } from "./direct-connection.ts";

const never = new AbortController().signal;

test("an address that refuses connections at first is found when it accepts one, and the connection is closed", async () => {
  await using free = createServer();
  const port = await portOf(free.listen(0, "127.0.0.1"));
  await free[Symbol.asyncDispose]();
  const accepted = untilAccepts({ host: "127.0.0.1", port }, never);
  await using server = createServer();
  const connected = once(server, "connection");
  await portOf(server.listen(port, "127.0.0.1"));
  expect(await accepted).toBe(true);
  const [socket] = (await connected) as [NodeJS.ReadableStream];
  await once(socket.resume(), "end");
});

test.for([
  ["that refuses connections", "127.0.0.1"],
  ["that never answers", "198.51.100.1"],
] as const)("the wait for an address %s ends with false when its signal is aborted", async ([, host]) => {
  const abort = new AbortController();
  const accepted = untilAccepts({ host, port: 1 }, abort.signal);
  abort.abort();
  expect(await accepted).toBe(false);
});

async function portOf(server: Server): Promise<number> {
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
