import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { DeploymentStatus } from "@slipway/core";
import type { DeploymentBody } from "@slipway/protocol";
import { freePort } from "@slipway/testkit";
import { deploymentId, log, recorder, status } from "../../test-support/follow-record.ts";
import { CommandError, exitCodes } from "./command-error.ts";
import { followDeployment } from "./follow.ts";
import type { FollowOptions } from "./follow.ts";

const away = async () => Promise.reject(new CommandError("The API does not answer.", exitCodes.unreachable));
const closing = async () => new Response('{"error":"closing"}', { status: 503 });

/** A stream that answers the first frame of each connection. @returns its address. */
async function serve(
  answer: (socket: WebSocket, connection: number, first: string) => void,
): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => server.close());
  let connections = 0;
  server.on("connection", (socket) => {
    connections += 1;
    const connection = connections;
    socket.once("message", (data: Buffer) => answer(socket, connection, data.toString("utf8")));
  });
  await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/apps/a`;
}

/** An API that reports this status of the deployment, and responds to a request for its log. */
function api(current: DeploymentStatus, request: () => Promise<Response> = closing) {
  return { token: "t", deployment: async () => ({ status: current }) as DeploymentBody, request };
}

function optionsFor(url: string, with_: Partial<FollowOptions>): FollowOptions {
  const links = { self: "", deployments: "", variables: "", deployments_stream: url };
  const timing = { firstPauseMs: 1, silenceMs: 50, ...with_.timing };
  const signal = new AbortController().signal;
  return { api: api("building"), app: { id: "a", links }, deploymentId, signal, ...with_, timing };
}

const send = (socket: WebSocket, ...frames: unknown[]) => {
  for (const frame of frames) socket.send(JSON.stringify(frame));
};

/** The API's log response with these lines as events; without a final status it was cut off. */
function events(lines: readonly string[], final?: DeploymentStatus): Response {
  const message = (name: string, data: unknown) =>
    `id: 1.1\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  const log_ = message("log", { seq: 1, at: null, lines });
  const end = final === undefined ? "" : message("status", { status: final, index: 1, attempt: 1 });
  return new Response(`:\n\n${log_}${message("phase", {})}${end}`);
}

test("followDeployment reconnects after a lost connection and ends with the final status", async () => {
  const record = recorder();
  const url = await serve((socket, connection) => {
    send(socket, log("one"));
    if (connection === 1) return socket.terminate();
    send(socket, log("two"), status("build-error"));
  });
  expect(await followDeployment(optionsFor(url, {}), record)).toBe("build-error");
  expect(record.seen).toEqual(["one", "two", "[build-error]"]);
});

test("followDeployment continues however often connections are lost while the deployment waits", async () => {
  const record = recorder();
  const url = await serve((socket, connection) => {
    send(socket, status("queued"));
    if (connection < 7) return socket.terminate();
    send(socket, status("success"));
  });
  expect(await followDeployment(optionsFor(url, {}), record)).toBe("success");
  expect(record.seen).toEqual(["[queued]", "[success]"]);
  expect(record.problems).toContainEqual(expect.stringContaining(`The stream ${url} closed`));
});

test("followDeployment follows through the API when the stream accepts connections but sends nothing", async () => {
  const record = recorder();
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  onTestFinished(() => void silent.close());
  await once(silent, "listening");
  const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/apps/a`;
  const answering = api("building", async () => events(["one"], "success"));
  const timing = { openMs: 20 };
  expect(await followDeployment(optionsFor(url, { api: answering, timing }), record)).toBe("success");
  expect(record.seen).toEqual(["one", "[success]"]);
});

test("followDeployment authenticates each connection with the token that the client has by then", async () => {
  const renewing = api("building");
  const tokens: unknown[] = [];
  const url = await serve((socket, connection, first) => {
    tokens.push(JSON.parse(first));
    renewing.token = "renewed";
    if (connection === 1) return socket.close(1008, "invalid token");
    send(socket, status("success"));
  });
  await followDeployment(optionsFor(url, { api: renewing }), recorder());
  expect(tokens).toMatchObject([{ data: { token: "t" } }, { data: { token: "renewed" } }]);
});

test("followDeployment follows through the API while the stream does not answer", async () => {
  const record = recorder();
  const url = `ws://127.0.0.1:${await freePort()}/apps/a`;
  const outputs = [events(["one"]), events(["one", "two"], "success")];
  const request = async () => outputs.shift() ?? closing();
  expect(await followDeployment(optionsFor(url, { api: api("building", request) }), record)).toBe("success");
  expect(record.seen).toEqual(["one", "two", "[success]"]);
});

test("followDeployment reads the log of a deployment that has ended from the API", async () => {
  const record = recorder();
  let connections = 0;
  const url = await serve(() => (connections += 1));
  const request = async () => events(["one", "two"], "crashed-error");
  const options = optionsFor(url, { api: api("crashed-error", request) });
  expect(await followDeployment(options, record)).toBe("crashed-error");
  expect([record.seen, connections]).toEqual([["one", "two", "[crashed-error]"], 0]);
});

test("followDeployment reads the rest of the log from the API if the stream does not send the end", async () => {
  const record = recorder();
  const building = api("building", async () => events(["one", "two", "three"], "success"));
  const url = await serve((socket) => {
    building.deployment = api("success").deployment;
    send(socket, log("one"));
  });
  expect(await followDeployment(optionsFor(url, { api: building }), record)).toBe("success");
  expect(record.seen).toEqual(["one", "two", "three", "[success]"]);
});

test("followDeployment returns the API's status if the log of an ended deployment cannot be read", async () => {
  const record = recorder();
  const options = optionsFor("ws://127.0.0.1:1/apps/a", { api: api("success") });
  expect(await followDeployment(options, record)).toBe("success");
  expect(record.problems.at(-1)).toMatch(/503: closing The rest of the log is not shown/);
});

test("followDeployment rejects when the API refuses, and when neither the stream nor the API answers", async () => {
  const url = `ws://127.0.0.1:${await freePort()}/apps/a`;
  const refusing = { ...api("building"), deployment: async () => Promise.reject(new CommandError("404")) };
  await expect(followDeployment(optionsFor(url, { api: refusing }), recorder())).rejects.toThrow("404");
  const silent = { token: "t", deployment: away, request: away };
  const options = optionsFor(url, { api: silent, timing: { giveUpMs: 0 } });
  await expect(followDeployment(options, recorder())).rejects.toMatchObject({
    exitCode: exitCodes.unreachable,
    message: expect.stringContaining("Neither the stream nor the API answers"),
  });
});

test("followDeployment rejects with the reason when it is aborted", async () => {
  const abort = new AbortController();
  const url = await serve(() => abort.abort(new Error("stopped")));
  await expect(followDeployment(optionsFor(url, { signal: abort.signal }), recorder())).rejects.toThrow(
    "stopped",
  );
});
