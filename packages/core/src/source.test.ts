import { expect, test } from "vitest";
import { cacheBlobKey, cacheBlobPrefix, sourceBlobKey } from "./source.ts";

test("the key of a source's archive contains the source's id", () => {
  expect(sourceBlobKey("6f2a")).toBe("sources/6f2a.tar.gz");
});

test("an app's cache keys share its prefix and differ by version and stack", () => {
  const keys = [
    cacheBlobKey("a", 1, "slipway/stack:1"),
    cacheBlobKey("a", 2, "slipway/stack:1"),
    cacheBlobKey("a", 1, "slipway/stack:2"),
  ];
  expect(keys[0]).toBe("caches/a/1/slipway_stack_1.tar.zst");
  expect(new Set(keys).size).toBe(3);
  for (const key of keys) expect(key.startsWith(cacheBlobPrefix("a"))).toBe(true);
  expect(cacheBlobKey("ab", 1, "s").startsWith(cacheBlobPrefix("a"))).toBe(false);
});
