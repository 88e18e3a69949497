// What a blob store promises about reading and deleting blobs.

import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { bytesOf, repeat, streamOf } from "./streams.ts";
import { actionsOn } from "./under-test.ts";
import type { BlobsUnderTest } from "./under-test.ts";

export function readBlobs(underTest: BlobsUnderTest): void {
  const { blobs, other } = underTest;
  const { put } = actionsOn(underTest);

  describe("a blob being read", () => {
    test.each(["replaced", "deleted", "deleted with its prefix"])(
      "a blob that is being read is read to its end when %s",
      async (how) => {
        const prefix = `caches/${randomUUID()}/`;
        const bytes = randomBytes(2 * 1024 * 1024);
        await blobs().put(`${prefix}key`, streamOf(bytes));
        const blob = await other().get(`${prefix}key`);
        if (how === "replaced") await put(`${prefix}key`, "new");
        else if (how === "deleted") await blobs().delete(`${prefix}key`);
        else await blobs().deletePrefix(prefix);
        expect((await bytesOf(blob?.bytes ?? streamOf())).equals(bytes)).toBe(true);
      },
    );

    test("reading a blob may stop before its end", async () => {
      const key = randomUUID();
      await blobs().put(key, repeat(randomBytes(1024 * 1024), 4));
      let first = 0;
      for await (const bytes of (await blobs().get(key))?.bytes ?? streamOf()) {
        first = bytes.length;
        break;
      }
      expect(first).toBeGreaterThan(0);
      await blobs().delete(key);
    });
  });
}

export function deletedBlobs(underTest: BlobsUnderTest): void {
  const { blobs, other } = underTest;
  const { put, textOf } = actionsOn(underTest);

  describe("deleting", () => {
    test("deleting a blob deletes no other, and may be repeated", async () => {
      const key = `sources/${randomUUID()}`;
      await put(key, "bytes");
      await put(`${key}0`, "its neighbor's");
      await blobs().delete(key);
      await blobs().delete(key);
      expect(await textOf(key)).toBeNull();
      expect(await textOf(`${key}0`)).toBe("its neighbor's");
    });

    test("deleting a prefix deletes all blobs below it and no other, and may be repeated", async () => {
      const app = randomUUID();
      const inside = [`caches/${app}/1/stack`, `caches/${app}/2/a/b`, `caches/${app}/x`];
      const outside = [`caches/${app}0/1/stack`, `caches/${app}`];
      for (const key of [...inside, ...outside]) await put(key, key);
      await blobs().deletePrefix(`caches/${app}/`);
      await blobs().deletePrefix(`caches/${app}/`);
      for (const key of inside) expect(await textOf(key)).toBeNull();
      for (const key of outside) expect(await textOf(key)).toBe(key);
      await put(`caches/${app}/1/stack`, "again");
      expect(await textOf(`caches/${app}/1/stack`)).toBe("again");
    });

    test("deleting a prefix while blobs are put below it fails none of the puts", async () => {
      const prefix = `caches/${randomUUID()}/`;
      const puts = Array.from({ length: 20 }, (_, index) => put(`${prefix}${index}/stack`, "bytes"));
      const deletes = Array.from({ length: 5 }, () => other().deletePrefix(prefix));
      await expect(Promise.all([...puts, ...deletes])).resolves.toHaveLength(25);
    });
  });
}
