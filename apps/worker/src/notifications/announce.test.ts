import { openNotifications } from "@slipway/queue";
import { redisKeys } from "@slipway/protocol";
import { openSqliteStore } from "@slipway/store";
import { aNewDeployment, aNotifier, anApp, lacksRedis, startRedis, testTime } from "@slipway/testkit";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { Announcer } from "./announce.ts";

describe.skipIf(await lacksRedis())("announcing events", () => {
  test("a delivery is requested once, and again after Redis has lost it", async () => {
    await using opened = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "slipway-announce-"));
    opened.defer(() => rm(folder, { recursive: true }));
    const store = opened.use(await openSqliteStore({ path: join(folder, "slipway.db") }));
    const { url } = opened.use(await startRedis());
    const redis = opened.adopt(new Redis(url), (client) => client.disconnect());
    const failures: unknown[] = [];
    const onError = (error: unknown) => void failures.push(error);
    const notifications = opened.use(
      openNotifications({ redisUrl: url, keys: redisKeys("announce-test"), onError }),
    );
    let time = testTime.getTime();
    const announcer = new Announcer({ store, now: () => new Date(time) }, notifications);
    const app = anApp();
    await store.apps.create(app);
    const notifier = aNotifier({ appId: app.id, createdAt: testTime, events: null });
    await store.notifiers.create(notifier);
    const deployment = await store.deployments.create(aNewDeployment({ appId: app.id }));
    const waiting = async () => (await notifications.queue.getJobs()).map(({ data }) => data.deliveryId);
    const expected = [`${notifier.id}.${deployment.id}.deployment_queued`];

    await announcer.announce();
    await announcer.announce();
    expect(await waiting()).toEqual(expected);

    await redis.flushdb();
    time += 60_000;
    await announcer.announce();
    expect(await waiting()).toEqual(expected);
    expect(failures).toEqual([]);
  });
});
