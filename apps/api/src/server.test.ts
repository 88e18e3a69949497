import { connect, createServer } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { freePort } from "@slipway/testkit";
import { listen } from "./server.ts";

const host = "127.0.0.1";

test("stopping takes no more and finishes what runs", async () => {
  const port = await freePort();
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const server = await listen(
    (_request, response) => {
      asked.resolve();
      void go.promise.then(() => response.end("finished"));
    },
    { host, port },
  );
  const answer = fetch(`http://${host}:${port}`);
  await asked.promise;
  const stopped = server.stop({ graceMs: 60_000 });
  await expect(fetch(`http://${host}:${port}`)).rejects.toThrow("fetch failed");
  go.resolve();
  expect(await (await answer).text()).toBe("finished");
  await stopped;
});

test("what does not finish within the grace time is cut off", async () => {
  const port = await freePort();
  const asked = Promise.withResolvers<void>();
  const server = await listen(() => asked.resolve(), { host, port });
  const [answer] = await Promise.allSettled([
    fetch(`http://${host}:${port}`),
    asked.promise.then(() => server.stop({ graceMs: 10 })),
  ]);
  expect(answer.status).toBe("rejected");
});

test("a port that is taken is told by its number", async () => {
  const other = createServer().listen(0, host);
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await expect(listen(() => undefined, { host, port })).rejects.toMatchObject({
    code: "configuration-invalid",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
  other.close();
});

test("headers are bounded", async () => {
  const port = await freePort();
  const server = await listen((_request, response) => response.end(), { host, port });
  const socket = connect(port, host);
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(17 * 1024)}\r\n\r\n`);
  expect(await text(socket)).toContain("431 ");
  await server.stop({ graceMs: 1_000 });
});
