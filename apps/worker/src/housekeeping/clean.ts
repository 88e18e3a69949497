// Removes old records and expired uploads.

import { redisTime } from "@slipway/bus";
import type { Bus } from "@slipway/bus";
import { sourceBlobKey, SlipwayError } from "@slipway/core";
import type { BlobStore, Store } from "@slipway/core";

const batch = 100;
const deliveriesKeptMs = 30 * 86_400_000;
const operationsKeptMs = 30 * 86_400_000;

/** Much shorter than any retention time. */
const clockToleranceMs = 60_000;

/**
 * Reads Redis's clock, which determines the age of records to delete: a clock that is ahead would delete records that are still needed.
 * @throws {SlipwayError} "internal" when this worker's clock differs from Redis's clock by more than a minute: one of the clocks is wrong.
 */
export async function agreedTime({
  redis,
  now,
}: Pick<Bus, "redis"> & { readonly now: () => Date }): Promise<Date> {
  const [before, time, after] = [now(), await redisTime({ redis }), now()];
  const aheadMs = Math.max(before.getTime() - time.getTime(), time.getTime() - after.getTime());
  if (aheadMs <= clockToleranceMs) return time;
  const seconds = Math.round(aheadMs / 1_000);
  throw new SlipwayError(
    "internal",
    `the clocks of this worker and of Redis differ by ${seconds} seconds, so nothing is deleted by its age: synchronize them, for example with NTP`,
  );
}

interface CleanContext<Parts extends keyof Store> {
  readonly store: Pick<Store, Parts>;
  readonly now: () => Date;
}

/** Removes old deliveries. */
export async function cleanDeliveries({ store, now }: CleanContext<"deliveries">): Promise<void> {
  const before = new Date(now().getTime() - deliveriesKeptMs);
  while ((await store.deliveries.removeBefore(before, batch)) === batch);
}

/** Removes expired uploads that no unfinished deployment uses. */
export async function cleanSources({
  store,
  blobs,
  now,
}: CleanContext<"sources" | "deployments"> & { readonly blobs: Pick<BlobStore, "delete"> }): Promise<void> {
  const at = now();
  const needed = new Set<string>();
  for (;;) {
    // Uploads in use are listed first each time. The limit grows so that they do not hide the others.
    const limit = batch + needed.size;
    const found = await store.sources.expired(at, limit);
    for (const { id } of found.filter((source) => !needed.has(source.id))) {
      if (await store.deployments.usesSource(id)) needed.add(id);
      else {
        await blobs.delete(sourceBlobKey(id));
        await store.sources.remove(id);
        // The blob is deleted again, because an upload may have ended before its source was removed. A later upload finds no source and
        // deletes its blob.
        await blobs.delete(sourceBlobKey(id));
      }
    }
    if (found.length < limit) return;
  }
}

/** Removes operations that ended long ago. */
export async function cleanOperations({ store, now }: CleanContext<"operations">): Promise<void> {
  await store.operations.removeEnded(new Date(now().getTime() - operationsKeptMs));
}
