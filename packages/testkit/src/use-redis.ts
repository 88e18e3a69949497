// A Redis for the tests of one suite, with a connection to it.

import { Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { startRedis } from "./redis.ts";

/**
 * Starts a Redis before the tests of the suite that calls this, and stops it after them.
 * @param onOpen receives a connection whose commands wait while the server is away, and the server's URL.
 */
export function useRedis(onOpen: (redis: Redis, url: string) => void): void {
  const opened = new AsyncDisposableStack();
  beforeAll(async () => {
    const { url } = opened.use(await startRedis());
    const open = () => new Redis(url, { maxRetriesPerRequest: null });
    onOpen(
      opened.adopt(open(), (redis) => redis.disconnect()),
      url,
    );
  });
  afterAll(() => opened.disposeAsync());
}
