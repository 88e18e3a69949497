import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { choosePort, isPortFree } from "./ports.ts";

test("a remembered port is reused only while it is free", async () => {
  const port = await choosePort();
  expect(await choosePort(port)).toBe(port);
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  expect(await choosePort(port)).not.toBe(port);
  expect(await isPortFree(port)).toBe(false);
  server.close();
  await once(server, "close");
  expect(await isPortFree(port)).toBe(true);
});
