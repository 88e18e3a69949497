import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { connectDocker } from "@slipway/docker";
import { expect, test } from "vitest";
import { removeService } from "./swarm-api.ts";

test("a service is removed after the swarm has deleted its stopped tasks", async () => {
  const history = task("1", "shutdown", "failed");
  const running = task("2", "remove", "running");
  const stopped = task("3", "remove", "shutdown");
  await using manager = await startManager([
    [history, stopped],
    [stopped, running],
    [history, running],
  ]);
  using connection = connectDocker(manager);
  await removeService(connection.docker, "s");
  expect(manager.requests).toEqual(["GET tasks", "GET tasks", "GET tasks", "DELETE services/s"]);
});

test("a service that does not exist is removed already", async () => {
  await using manager = await startManager([]);
  using connection = connectDocker(manager);
  await removeService(connection.docker, "missing");
  expect(manager.requests).toEqual(["GET tasks", "DELETE services/missing"]);
});

function task(ID: string, DesiredState: string, State: string) {
  return { ID, DesiredState, Status: { State }, CreatedAt: "2030-01-01T00:00:00Z", ServiceID: "s", Slot: 1 };
}

/** A manager's API that has the service "s", and responds to each request for tasks with the next list. */
async function startManager(lists: readonly ReturnType<typeof task>[][]) {
  const left = [...lists];
  const requests: string[] = [];
  const server = createServer(({ method, url = "" }, response) => {
    const path = url.replace(/^\/(?:v[\d.]+\/)?/, "").replace(/\?.*/, "");
    requests.push(`${method} ${path}`);
    response.statusCode = path.endsWith("missing") ? 404 : 200;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(method === "GET" ? (left.shift() ?? []) : {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    dockerHost: `tcp://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
