// What the store promises about uploaded sources.

import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { aSource } from "../fixtures.ts";
import type { StoreUnderTest } from "./under-test.ts";

/** Long before all other tests' times, so that only these sources are expired. */
const longAgo = Date.UTC(2001, 0, 1);

export function sourcesContract({ store }: StoreUnderTest): void {
  /** The times at which the sources found expire, in minutes since longAgo. */
  const expired = async (beforeMinute: number, limit: number) => {
    const found = await store().sources.expired(new Date(longAgo + beforeMinute * 60_000), limit);
    return found.map((source) => (source.expiresAt.getTime() - longAgo) / 60_000);
  };

  describe("sources", () => {
    test("a source is found by id, and stores its completed upload", async () => {
      const source = aSource();
      await store().sources.create(source);
      await store().sources.create(source);
      expect(await store().sources.get(source.id)).toEqual(source);
      expect(await store().sources.complete(source.id, 5_000_000_000)).toBe(true);
      expect(await store().sources.get(source.id)).toEqual({ ...source, sizeBytes: 5_000_000_000 });
    });

    test("a source accepts one of several concurrent uploads", async () => {
      const source = aSource();
      await store().sources.create(source);
      const sizes = [1, 2, 3, 4];
      const taken = await Promise.all(sizes.map((size) => store().sources.complete(source.id, size)));
      const sizeBytes = sizes[taken.indexOf(true)];
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await store().sources.complete(source.id, 5)).toBe(false);
      expect(await store().sources.get(source.id)).toEqual({ ...source, sizeBytes });
    });

    test("a source that does not exist is null and cannot be completed", async () => {
      expect(await store().sources.get(randomUUID())).toBeNull();
      expect(await store().sources.complete(randomUUID(), 1)).toBe(false);
    });

    test("expired sources are listed oldest first, up to the limit", async () => {
      const sources = [4, 1, 3, 2].map((minute) =>
        aSource({ expiresAt: new Date(longAgo + minute * 60_000) }),
      );
      for (const source of sources) await store().sources.create(source);
      expect(await expired(4, 10)).toEqual([1, 2, 3]);
      expect(await expired(100, 2)).toEqual([1, 2]);
      expect(await expired(1, 10)).toEqual([]);
    });

    test("removing a source may be repeated", async () => {
      const source = aSource();
      await store().sources.create(source);
      await store().sources.remove(source.id);
      await store().sources.remove(source.id);
      expect(await store().sources.get(source.id)).toBeNull();
    });
  });
}
