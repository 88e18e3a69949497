import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { ApiClient } from "./api-client.ts";

/** Starts an API that gives every request the same response. */
async function startApi(status: number, body: unknown): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("the API client connects with the token that the API exchanges", async () => {
  const client = await ApiClient.connect(await startApi(200, { token: "jwt" }), "tk-us-1");
  expect(client.token).toBe("jwt");
});

test.each([
  ["a rejected token", 401, {}, /rejects the API token.*set BOOTSTRAP_TOKEN/],
  ["a failed request", 503, { error: "closing" }, /answered tokens\/exchange with 503: closing/],
  [
    "an unknown body",
    200,
    { key: "jwt" },
    /unknown body: check that it is a Slipway of this version[^]*token/,
  ],
])("the API client explains %s", async (_case, status, body, message) => {
  await expect(ApiClient.connect(await startApi(status, body), "tk-us-1")).rejects.toThrow(message);
});

test("a request without a response ends when its signal is aborted", async () => {
  const requested = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    if (request.url === "/v1/tokens/exchange") response.end(JSON.stringify({ token: "jwt" }));
    else requested.resolve();
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = await ApiClient.connect(url, "tk-us-1");
  const controller = new AbortController();
  const response = client.request("GET", "/apps", undefined, controller.signal);
  await requested.promise;
  controller.abort(new Error("given up"));
  await expect(response).rejects.toThrow("given up");
});

test("a request on a connection that the API closes is sent again, unless it may take effect twice", async () => {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (requests.length % 2 === 0) request.socket.destroy();
    else
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token: "jwt" }));
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = await ApiClient.connect(url, "tk-us-1");
  const response = await client.request("GET", "/apps");
  expect(await response.json()).toEqual({ token: "jwt" });
  await expect(client.request("POST", "/apps", {})).rejects.toThrow(/\/v1\/apps does not answer: .*closed/);
  expect(requests).toEqual(["POST /v1/tokens/exchange", "GET /v1/apps", "GET /v1/apps", "POST /v1/apps"]);
});
