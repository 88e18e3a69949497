// Every route while Redis is frozen: the connection stays open, and no command gets a response.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import { requestFrom, validDraft } from "../../test-support/requests.ts";
import type { Operation } from "../../test-support/requests.ts";
import { seedFor } from "../../test-support/seed.ts";
import type { Seed } from "../../test-support/seed.ts";
import { joinTestWorker, workerId } from "../../test-support/worker.ts";

/** The routes that send what the store has, and end the connection before the end of the response. */
const sendStoredPart = [
  "get /apps/{app}/deployments/{deployment}/output",
  "get /deployments/{deployment}/output",
];
/** The routes that cannot respond without Redis. */
const needRedis = [
  "get /apps/{app}/ps",
  "get /queue",
  "get /queue/history",
  "get /workers",
  "patch /workers/{worker}",
  "post /apps/{app}/notifiers/{notifier}/test",
];
const unavailable = { error: "Slipway cannot reach its queue in Redis; try again in a moment" };
const timing = { limitTimeoutMs: 50, redisLimitMs: 200 };

describe.skipIf(await lacksRedis())("while Redis is frozen", () => {
  const opened = new AsyncDisposableStack();
  let api: TestApi;
  let pid: number | null;
  const routes: [method: string, path: string, operation: Operation, seed: Seed][] = [];

  beforeAll(async () => {
    api = opened.use(await startTestApi({ APP_QUEUE_MAX: "1000" }, timing));
    ({ pid } = api.redis);
    opened.use(await joinTestWorker(api));
    const { paths } = (await (await fetch(new URL("/v1/openapi.json", api.url))).json()) as {
      paths: Record<string, Record<string, Operation>>;
    };
    for (const [path, methods] of Object.entries(paths))
      for (const [method, operation] of Object.entries(methods))
        routes.push([method, path, operation, { ...(await seedFor(api, method)), worker: workerId }]);
    if (pid !== null) process.kill(pid, "SIGSTOP");
  });
  afterAll(async () => {
    if (pid !== null) process.kill(pid, "SIGCONT");
    await opened.disposeAsync();
  });

  test("every route responds, and those that need Redis with a 503 that names the queue", async ({
    skip,
  }) => {
    if (pid === null) skip("a shared Redis cannot be frozen");
    const failed: Record<string, unknown> = {};
    for (const [method, path, operation, seed] of routes) {
      const draft = validDraft(path, operation, api.operatorToken);
      const { path: target, headers, body } = requestFrom(method, path, operation, seed, draft);
      const init = method === "get" ? {} : { body };
      const response = await fetch(api.url + target, {
        method: method.toUpperCase(),
        headers: headers as Record<string, string>,
        ...init,
      });
      const text = await response.text().catch(() => "cut off");
      if (response.status >= 500 || text === "cut off") failed[`${method} ${path}`] = text;
    }
    const refused = needRedis.map((name) => [name, JSON.stringify(unavailable)]);
    const cut = sendStoredPart.map((name) => [name, "cut off"]);
    expect(failed).toEqual(Object.fromEntries([...refused, ...cut]));
  });

  test("the queue dashboard responds with a 503 that names the queue", async ({ skip }) => {
    if (pid === null) skip("a shared Redis cannot be frozen");
    const authorization = `Basic ${Buffer.from(`any:${api.operatorToken}`).toString("base64")}`;
    const response = await fetch(`${api.url}/queues/api/queues`, { headers: { authorization } });
    expect([response.status, await response.json()]).toEqual([503, unavailable]);
  });

  test("a route that needs Redis responds again once Redis continues", async ({ skip }) => {
    process.kill(pid ?? skip("a shared Redis cannot be frozen"), "SIGCONT");
    await expect
      .poll(async () => (await api.request(api.operatorToken, "GET", "/v1/queue")).status)
      .toBe(200);
  });
});
