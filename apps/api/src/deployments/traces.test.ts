import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anApp, lacksRedis, startTraceCollector } from "@slipway/testkit";
import type { TraceCollector } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("the trace of a deployment", () => {
  let collector: TraceCollector;
  let api: TestApi;
  beforeAll(async () => {
    collector = await startTraceCollector();
    api = await startTestApi({
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_EXPORTER_OTLP_HEADERS: "x-team=ops%2C1, authorization=Bearer%20secret",
    });
  });
  afterAll(async () => {
    await api[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  test("the request that creates a deployment and the abort of a queued one are in the trace that the timeline names", async () => {
    const ada = await api.newUser();
    const app = anApp({ ownerId: ada.user.id });
    await api.store.apps.create(app);
    const path = `/v1/apps/${app.id}/deployments`;
    const source = { deployment: { source_url: "https://example.com/app.tar.gz" } };
    const created = await api.request(ada.token, "POST", path, source);
    expect(created.status).toBe(201);
    const { id } = (created.body as { deployment: { id: string } }).deployment;
    const timeline = await api.request(ada.token, "GET", `${path}/${id}/timeline`);
    const traceId = (timeline.body as { timeline: { trace_id: string } }).timeline.trace_id;
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect((await api.request(ada.token, "POST", `${path}/${id}/abort`)).status).toBe(200);
    await collector.until((spans) => spans.some(({ name }) => name === "wait"));
    const byName = (wanted: string) => collector.spans.find(({ name }) => name === wanted);
    const whole = byName("deployment");
    expect(whole).toMatchObject({ traceId, service: "slipway-api", status: { code: 2, message: "aborted" } });
    expect(byName("wait")).toMatchObject({ traceId, parentSpanId: whole?.spanId });
    expect(byName("POST /v1/apps/:app/deployments")).toMatchObject({
      traceId,
      parentSpanId: whole?.spanId,
      attributes: { "http.request.method": "POST", "http.response.status_code": 201 },
    });
    expect(collector.headers[0]).toMatchObject({ "x-team": "ops,1", authorization: "Bearer secret" });
  });
});
