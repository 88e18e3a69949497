import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { cutServer } from "@slipway/testkit";
import { expect, test } from "vitest";
import { connectDocker } from "./connection.ts";
import { killContainer } from "./containers.ts";

// A real engine gives these answers only while very many processes end, which needs a busy machine.
test.for([
  ["Cannot kill container: x: tried to kill container, but did not receive an exit event", "killed"],
  ["Cannot kill container: x: permission denied", "engine-unavailable"],
] as const)("a kill that the engine answers with 500 and %o ends as %s", async ([message, outcome]) => {
  const server = createServer((_request, response) =>
    response.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify({ message })),
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  using connection = connectDocker({ dockerHost: `tcp://127.0.0.1:${port}` });
  const killed = killContainer(connection.docker, "x");
  expect(
    await killed.then(
      () => "killed",
      (error: { code?: string }) => error.code,
    ),
  ).toBe(outcome);
  await cutServer(server);
});
