import { SlipwayError } from "@slipway/core";
import { expect, test } from "vitest";
import { callEngine, requestStream, statusOf } from "./client.ts";

test("a call without a response ends at its time limit", async () => {
  const call = callEngine("answer", () => new Promise(() => undefined), { limitMs: 5 });
  await expect(call).rejects.toMatchObject({ code: "engine-unavailable" });
});

test("an abort ends a call with the signal's reason", async () => {
  const abort = new AbortController();
  const call = callEngine("answer", () => new Promise(() => undefined), { signal: abort.signal });
  abort.abort(new Error("stopped"));
  await expect(call).rejects.toThrow("stopped");
});

test("the error has the engine's status; a SlipwayError is passed on unchanged", async () => {
  const refusal = Object.assign(new Error("no such container"), { statusCode: 404 });
  const error: unknown = await callEngine("look", () => Promise.reject(refusal)).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: "engine-unavailable", cause: refusal });
  expect(statusOf(error)).toBe(404);
  const own = new SlipwayError("aborted", "stopped");
  await expect(callEngine("look", () => Promise.reject(own))).rejects.toBe(own);
});

test.each([
  ["Decoding seccomp profile failed: invalid character", "docker info must list seccomp"],
  [
    "seccomp is not enabled in your kernel, cannot run a custom seccomp profile",
    "needs a kernel with seccomp",
  ],
  ["Unknown or invalid runtime name: runsc", 'listed under "runtimes"'],
])("the engine's error %j comes with what to do", async (reason, advice) => {
  const call = callEngine("create the container", () => Promise.reject(new Error(reason)));
  await expect(call).rejects.toThrow(`the Docker Engine failed to create the container: ${reason}. `);
  await expect(call).rejects.toThrow(advice);
});

test("a stream that opens too late is closed", async () => {
  const opening = Promise.withResolvers<{ destroy: () => void }>();
  await expect(requestStream("attach", () => opening.promise, { limitMs: 5 })).rejects.toThrow(SlipwayError);
  const destroyed = new Promise<void>((resolve) => {
    opening.resolve({ destroy: resolve });
  });
  await expect(destroyed).resolves.toBeUndefined();
});
