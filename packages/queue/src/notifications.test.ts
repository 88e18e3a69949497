import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { lacksRedis, startRedis, unexpected } from "@slipway/testkit";
import { openNotifications, startNotificationWorker } from "./notifications.ts";

const keys = redisKeys("notifications-test");
const job = {
  deliveryId: "d",
  appId: "a",
  notifierId: "n",
  deploymentId: "deployment",
  event: "test",
  at: new Date(0).toISOString(),
} as const;

describe.skipIf(await lacksRedis())("notifications", () => {
  test("a notification is delivered after several workers died during its delivery", async () => {
    await using opened = new AsyncDisposableStack();
    const redisUrl = opened.use(await startRedis()).url;
    const notifications = opened.use(openNotifications({ redisUrl, keys, onError: unexpected }));
    await notifications.add(job);
    const connection = { url: redisUrl, maxRetriesPerRequest: null };
    const dead = new Worker(notifications.queue.name, null, { connection, prefix: keys.queuePrefix });
    await dead.getNextJob("token");
    await dead.close();
    const redis = opened.adopt(new Redis(redisUrl), (client) => client.disconnect());
    // The state after two passes of BullMQ, when several workers had died before.
    await redis.hset(notifications.queue.toKey(job.deliveryId), "stc", 5);
    await redis.del(`${notifications.queue.toKey(job.deliveryId)}:lock`);
    await redis.sadd(notifications.queue.toKey("stalled"), job.deliveryId);
    const delivered = Promise.withResolvers<string>();
    const onError = (error: unknown) => delivered.reject(error);
    const stop = startNotificationWorker({
      redisUrl,
      keys,
      onError,
      run: async ({ deliveryId }) => delivered.resolve(deliveryId),
    });
    opened.defer(stop);
    expect(await delivered.promise).toBe(job.deliveryId);
  });
});
