import { afterEach, expect, test, vi } from "vitest";
import { deployImage, deployRelease, deploySource } from "./actions.ts";

afterEach(() => {
  vi.unstubAllGlobals();
});

test("each deployment is requested with an idempotency key of its own, also without TLS", async () => {
  const keys: (string | null)[] = [];
  vi.stubGlobal("document", { baseURI: "http://slipway.test/" });
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  vi.stubGlobal("fetch", async (_url: string, { headers }: RequestInit) => {
    keys.push(new Headers(headers).get("idempotency-key"));
    return Response.json({ deployment: {} });
  });
  await deployImage("app", "registry.test/app@sha256:0", "");
  await deploySource("app", "http://slipway.test/source", "v1");
  await deployRelease("app", 1);
  expect(keys).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(/^[\da-f-]{20,}$/)));
  expect(new Set(keys).size).toBe(3);
});
