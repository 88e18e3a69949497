import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import type { RegistryHost } from "./collector.ts";
import { collectHeld } from "./held-collection.ts";

/** Output of `du` before and after the collection, in KiB. */
const sizes = ["900", "300"];

test("the hold is extended while the registry's size is read, before and after the collection", async () => {
  let extended = Promise.withResolvers<void>();
  const hold = {
    extend: async () => {
      extended.resolve();
      return true;
    },
  };
  const left = [...sizes];
  const run: RegistryHost["run"] = async (script) => {
    const isSize = script.startsWith("du ");
    async function* lines() {
      if (!isSize) return;
      // Reading it takes until the next extension of the hold.
      extended = Promise.withResolvers<void>();
      await extended.promise;
      yield left.shift() ?? "";
    }
    const ended = Promise.resolve({ exitCode: 0, errors: "" });
    return { input: new PassThrough(), lines: lines(), ended };
  };
  const host = { name: "the registry", program: "registry", configuration: "c", storage: "s", run };
  const steps = { report: () => undefined, note: () => undefined };
  const signal = new AbortController().signal;
  expect(await collectHeld(host, { hold, ...steps, signal })).toEqual({ blobs: 0, freedBytes: 600 * 1024 });
});
