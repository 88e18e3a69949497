import { expect, test } from "vitest";
import { sendJson, startApi, startServer } from "../../test-support/api.ts";
import { ApiClient } from "./api-client.ts";

/** Starts an API that gives every request the same response. */
function alwaysResponding(status: number, body: unknown): Promise<string> {
  return startServer((_request, response) => sendJson(response, status, body));
}

test("the API client connects with the token that the API exchanges", async () => {
  const client = await ApiClient.connect(await alwaysResponding(200, { token: "jwt" }), "tk-us-1");
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
  await expect(ApiClient.connect(await alwaysResponding(status, body), "tk-us-1")).rejects.toThrow(message);
});

test("a request without a response ends when its signal is aborted", async () => {
  const requested = Promise.withResolvers<void>();
  const client = await ApiClient.connect(await startApi(() => requested.resolve()), "tk-us-1");
  const controller = new AbortController();
  const response = client.request("GET", "/apps", undefined, controller.signal);
  await requested.promise;
  controller.abort(new Error("given up"));
  await expect(response).rejects.toThrow("given up");
});

test("a request without a response is reported, and fails after a limit", async () => {
  const notices: string[] = [];
  const url = await startServer(() => undefined);
  const waiting = { noticeMs: 20, limitMs: 200, onNotice: (text: string) => notices.push(text) };
  await expect(ApiClient.connect(url, "tk-us-1", waiting)).rejects.toMatchObject({
    message: `${url}/v1/tokens/exchange does not answer: no answer within 200 ms. Check the address and that Slipway runs.`,
    exitCode: 4,
  });
  expect(notices).toEqual([
    "The API has not responded to POST /v1/tokens/exchange for 0.02 s; slipway waits 0.2 s at most.",
  ]);
});

test("a response that is cut off fails the request", async () => {
  const url = await startApi((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write("{", () => response.destroy());
  });
  const client = await ApiClient.connect(url, "tk-us-1");
  await expect(client.findApp("my-app")).rejects.toMatchObject({
    message: expect.stringContaining("The response to /apps/my-app ended before its end"),
    exitCode: 4,
  });
});

test("a request on a connection that the API closes is sent again, unless it may take effect twice", async () => {
  const requests: string[] = [];
  const url = await startServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (requests.length % 2 === 0) request.socket.destroy();
    else sendJson(response, 200, { token: "jwt" });
  });
  const client = await ApiClient.connect(url, "tk-us-1");
  const response = await client.request("GET", "/apps");
  expect(await response.json()).toEqual({ token: "jwt" });
  await expect(client.request("POST", "/apps", {})).rejects.toThrow(/\/v1\/apps does not answer: .*closed/);
  expect(requests).toEqual(["POST /v1/tokens/exchange", "GET /v1/apps", "GET /v1/apps", "POST /v1/apps"]);
});
