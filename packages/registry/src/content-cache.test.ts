import { expect, test } from "vitest";
import { ContentCache } from "./content-cache.ts";

test("a text is returned for its own digest only", () => {
  const cache = new ContentCache();
  cache.set("sha256:a", "text of a");
  cache.set("sha256:b", "text of b");
  expect(cache.get("sha256:a")).toBe("text of a");
  expect(cache.get("sha256:b")).toBe("text of b");
  expect(cache.get("sha256:c")).toBeUndefined();
});

test("the cache drops the text that was used least recently when it is full", () => {
  const cache = new ContentCache();
  for (let at = 0; at < 64; at += 1) cache.set(`sha256:${at}`, `text ${at}`);
  cache.get("sha256:0");
  cache.set("sha256:64", "text 64");
  expect(cache.get("sha256:0")).toBe("text 0");
  expect(cache.get("sha256:1")).toBeUndefined();
  expect(cache.get("sha256:64")).toBe("text 64");
});

test("a text that is larger than a manifest or a configuration is not remembered", () => {
  const cache = new ContentCache();
  cache.set("sha256:large", "x".repeat(256 * 1024 + 1));
  expect(cache.get("sha256:large")).toBeUndefined();
});
