import { expect, test } from "vitest";
import { authFrame } from "./frames.ts";
import { unsetVariablesRequest } from "./http/variables.ts";
import { unsubscribeRequest } from "./socket-io.ts";

test("the token of a socket's first frame has at most 8 KiB", () => {
  const accepts = (length: number) =>
    authFrame.safeParse({ type: "auth", data: { token: "x".repeat(length) } }).success;
  expect([accepts(8 * 1024), accepts(8 * 1024 + 1)]).toEqual([true, false]);
});

test("a request unsets at most a thousand variables", () => {
  const accepts = (count: number) =>
    unsetVariablesRequest.safeParse({ variable_ids: Array(count).fill("id") }).success;
  expect([accepts(1_000), accepts(1_001)]).toEqual([true, false]);
});

test("a request to unsubscribe has no fields but app and deployment", () => {
  expect(unsubscribeRequest.safeParse({ app: "shop", deployment: "id" }).success).toBe(true);
  expect(unsubscribeRequest.safeParse({ app: "shop", afterSeq: 1 }).success).toBe(false);
});
