// What a blob store promises about keys.

import { describe, expect, test } from "vitest";
import { streamOf } from "./streams.ts";
import type { BlobsUnderTest } from "./under-test.ts";

const invalidKeys = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/../b",
  "../a",
  "a\\b",
  "a\0b",
  "a b",
  "ü",
  "x".repeat(201),
  `${"x/".repeat(500)}x`,
];

export function refusedKeys(underTest: BlobsUnderTest): void {
  const { blobs } = underTest;

  describe("keys", () => {
    test.each(invalidKeys)("a key like %j is refused", async (key) => {
      const invalid = { code: "invalid" };
      await expect(blobs().put(key, streamOf("bytes"))).rejects.toMatchObject(invalid);
      await expect(blobs().get(key)).rejects.toMatchObject(invalid);
      await expect(blobs().delete(key)).rejects.toMatchObject(invalid);
      await expect(blobs().deletePrefix(`${key}/`)).rejects.toMatchObject(invalid);
    });

    test("a prefix without a / at the end is refused", async () => {
      await expect(blobs().deletePrefix("caches")).rejects.toMatchObject({ code: "invalid" });
    });
  });
}
