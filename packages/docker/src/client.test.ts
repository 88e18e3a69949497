import { SlipwayError } from "@slipway/core";
import { expect, test } from "vitest";
import { ask, requestStream, statusOf } from "./client.ts";

test("a call without an answer ends at its limit", async () => {
  const asked = ask("answer", () => new Promise(() => undefined), { limitMs: 5 });
  await expect(asked).rejects.toMatchObject({ code: "engine-unavailable" });
});

test("an abort ends a call with the signal's reason", async () => {
  const abort = new AbortController();
  const asked = ask("answer", () => new Promise(() => undefined), { signal: abort.signal });
  abort.abort(new Error("asked to stop"));
  await expect(asked).rejects.toThrow("asked to stop");
});

test("the engine's status is told by the error; one of ours is passed on", async () => {
  const refusal = Object.assign(new Error("no such container"), { statusCode: 404 });
  const error: unknown = await ask("look", () => Promise.reject(refusal)).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "engine-unavailable", cause: refusal });
  expect(statusOf(error)).toBe(404);
  const own = new SlipwayError("aborted", "stopped");
  await expect(ask("look", () => Promise.reject(own))).rejects.toBe(own);
});

test("a stream that begins too late is closed", async () => {
  const opening = Promise.withResolvers<{ destroy: () => void }>();
  await expect(requestStream("attach", () => opening.promise, { limitMs: 5 })).rejects.toThrow(SlipwayError);
  const destroyed = new Promise<void>((resolve) => {
    opening.resolve({ destroy: resolve });
  });
  await expect(destroyed).resolves.toBeUndefined();
});
