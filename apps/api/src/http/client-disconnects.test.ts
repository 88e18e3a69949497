// Clients reset, close or half-close their connections at each point of a request; the API keeps answering others.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  aNewDeployment,
  anApp,
  lacksRedis,
  leaveAtEachPoint,
  requestHead,
  upgradeHead,
} from "@slipway/testkit";
import type { ClientStep } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("the API keeps serving when clients disconnect during", () => {
  let api: TestApi;
  let bearer: string;
  let output: string;

  beforeAll(async () => {
    const unlimited = {
      RATE_LIMIT: "0",
      RATE_LIMIT_POLLS: "0",
      RATE_LIMIT_ADDRESS: "0",
      LOGIN_ATTEMPTS: "0",
    };
    api = await startTestApi({ ...unlimited, CORS_ORIGINS: "*" });
    const { user, token } = await api.newUser();
    bearer = `Authorization: Bearer ${token}`;
    const app = anApp({ ownerId: user.id });
    await api.store.apps.create(app);
    const { id: deploymentId } = await api.store.deployments.create(
      aNewDeployment({ id: randomUUID(), appId: app.id, ownerId: user.id, createdAt: new Date() }),
    );
    const line = { firstSeq: 1, lineCount: 1, text: "a line" };
    await api.store.logs.append({ ...line, deploymentId, attempt: 1, at: new Date() });
    output = `/v1/deployments/${deploymentId}/output`;
  });
  afterAll(() => api[Symbol.asyncDispose]());

  /** @returns the errors when clients disconnect at each point of an exchange. */
  const faultsOf = async (steps: readonly ClientStep[]): Promise<unknown[]> => [
    ...(await leaveAtEachPoint({ port: api.config.server.port, steps, stillAnswers })),
    ...api.errors,
  ];
  const stillAnswers = async () => {
    expect((await api.request(null, "GET", "/health")).status).toBe(200);
    expect((await api.request(api.operatorToken, "GET", "/v1/apps")).status).toBe(200);
  };
  const withBody = (line: string, headers: readonly string[], body: string) =>
    requestHead(line, [...headers, "Content-Type: application/json", `Content-Length: ${body.length}`]) +
    body;

  test("the API keeps serving when clients disconnect during requests with and without a bearer token", async () => {
    expect(
      await faultsOf([
        { send: requestHead("GET /v1/apps", [bearer]), until: '"apps"' },
        { send: requestHead("GET /v1/apps"), until: "401 " },
        { send: requestHead("POST /v1/tokens/exchange"), until: "401 " },
        { send: requestHead("GET /queues/"), until: "401 " },
        { send: withBody("POST /v1/tokens", [], '{"name":"x"}'), until: "401 " },
        { send: requestHead("GET /docs/"), until: "200 OK" },
      ]),
    ).toEqual([]);
  });

  test("the API keeps serving when clients disconnect during password logins", async () => {
    const basic = `Authorization: Basic ${Buffer.from("nobody:wrong password").toString("base64")}`;
    expect(
      await faultsOf([{ send: withBody("POST /v1/tokens", [basic], '{"name":"x"}'), until: "401 " }]),
    ).toEqual([]);
  });

  test("the API keeps serving when clients disconnect during request bodies", async () => {
    expect(
      await faultsOf([
        { send: withBody("POST /v1/apps", [bearer], '{"app":{"name":"No Name"}}'), until: "422 " },
        { send: withBody("POST /v1/apps", [bearer, "Expect: 100-continue"], '{"app":'), until: "400 " },
      ]),
    ).toEqual([]);
  });

  test("the API keeps serving when clients disconnect during uploads and downloads", async () => {
    const { body } = await api.request(api.operatorToken, "POST", "/v1/sources");
    const { source } = body as { source: { upload_url: string; download_url: string } };
    const pathOf = (url: string) => url.slice(new URL(url).origin.length);
    const archive = "x".repeat(64 * 1024);
    const length = [`Content-Length: ${archive.length}`];
    expect(
      await faultsOf([
        { send: requestHead(`PUT ${pathOf(source.upload_url)}`, length) + archive, until: "HTTP/1.1 " },
        { send: requestHead(`GET ${pathOf(source.download_url)}`), until: "200 OK" },
      ]),
    ).toEqual([]);
  });

  test("the API keeps serving when clients disconnect during output as text and as events", async () => {
    expect(
      await faultsOf([
        { send: requestHead(`GET ${output}`, [bearer]), until: "a line" },
        { send: requestHead(`GET ${output}?follow=1`, [bearer]), until: "event: status" },
        { send: requestHead("GET /v1/apps", [bearer]) },
      ]),
    ).toEqual([]);
  });

  test("the API keeps serving when clients disconnect during upgrades, CONNECT and malformed requests", async () => {
    expect(
      await faultsOf([
        { send: upgradeHead("/v1/apps"), until: "401 " },
        { send: requestHead("CONNECT example.com:443") },
      ]),
    ).toEqual([]);
    expect(await faultsOf([{ send: "HELLO\r\n\r\n", until: "400 Bad Request" }])).toEqual([]);
  });
});
