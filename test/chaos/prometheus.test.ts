// A real Prometheus scrapes Slipway, and the alerts of ops/ fire when a worker is killed and while the queue ages.

import { describe, expect, test } from "vitest";
import { freePort, lacksEngine } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { lacksPrometheus, PrometheusUnderTest } from "./prometheus.ts";
import { SlipwayUnderTest } from "./slipway.ts";

describe.skipIf(lacksPrometheus() || (await lacksEngine()))("Prometheus", () => {
  test("Prometheus scrapes API and worker, and alerts when a worker is killed and when a queue ages", async () => {
    const [apiPort, workerPort] = [String(await freePort()), String(await freePort())];
    await using slipway = await SlipwayUnderTest.start({
      workers: [{ METRICS_PORT: workerPort }],
      api: { METRICS_PORT: apiPort },
    });
    const [apiTarget, workerTarget] = [`127.0.0.1:${apiPort}`, `127.0.0.1:${workerPort}`];
    await using prometheus = await PrometheusUnderTest.start([apiTarget, workerTarget]);
    const scraped = async () =>
      Object.fromEntries(
        (await prometheus.query("up")).map(({ labels, value }) => [labels["instance"], value]),
      );
    await expect.poll(scraped).toEqual({ [apiTarget]: 1, [workerTarget]: 1 });
    const workers = async (state: string) =>
      (await prometheus.query(`slipway_workers{state="${state}"}`))[0]?.value;
    await expect.poll(() => workers("ready")).toBe(1);
    const ofWorkers = async () =>
      (await prometheus.firing()).filter(({ alertname = "" }) => /Process|Worker/.test(alertname));
    await expect.poll(ofWorkers).toEqual([]);

    await slipway.workers[0]?.kill();
    await expect
      .poll(ofWorkers)
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({ alertname: "SlipwayProcessDown", instance: workerTarget }),
          expect.objectContaining({ alertname: "SlipwayWorkerLost" }),
          expect.objectContaining({ alertname: "SlipwayNoWorkers", severity: "critical" }),
        ]),
      );
    expect(await workers("lost")).toBe(1);
    expect((await scraped())[apiTarget]).toBe(1);

    const ofQueue = async () =>
      (await prometheus.firing()).filter(({ alertname = "" }) => /Queue(Aging|Stuck)/.test(alertname));
    expect(await ofQueue()).toEqual([]);
    const app = await slipway.createApp("aging");
    const id = await slipway.deploy(app, inlineApp("true", answering("up")));
    await expect
      .poll(ofQueue)
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({ alertname: "SlipwayQueueAging", severity: "warning" }),
          expect.objectContaining({ alertname: "SlipwayQueueStuck", severity: "critical" }),
        ]),
      );
    await slipway.workers[0]?.start();
    expect((await slipway.ended(id)).status).toBe("success");
    await expect.poll(ofQueue).toEqual([]);
  });
});
