// What a build engine promises about aborting, finding and removing builds.

import { expect, test } from "vitest";
import { label } from "@slipway/core";
import { never, sandboxesOf } from "./under-test.ts";
import type { BuildsUnderTest } from "./under-test.ts";

export function buildLifecycle(underTest: BuildsUnderTest): void {
  const { engine, openOther } = underTest;
  const sandboxOf = sandboxesOf(underTest);

  test("an abort kills the build and rejects with its reason", async () => {
    await using sandbox = await sandboxOf("echo begun; sleep 600");
    const abort = new AbortController();
    const ended = sandbox.run({
      signal: abort.signal,
      onOutput: () => abort.abort(new Error("stop requested")),
    });
    await expect(ended).rejects.toThrow("stop requested");
  });

  test("sandboxes are found and removed by their labels, those of other installations never", async () => {
    await using other = openOther();
    const labels = { [label.deployment]: "d-1", [label.attempt]: "1" };
    await sandboxOf("true", { labels });
    await using kept = await sandboxOf("true", { labels: { ...labels, [label.attempt]: "2" } });
    expect(await other.removeSandboxes(labels)).toBe(0);
    expect(await engine().listSandboxes()).toContainEqual(expect.objectContaining(labels));
    expect(await engine().removeSandboxes(labels)).toBe(1);
    expect(await engine().listSandboxes()).not.toContainEqual(expect.objectContaining(labels));
    await kept[Symbol.asyncDispose]();
    await kept[Symbol.asyncDispose]();
    expect(await engine().listSandboxes()).not.toContainEqual(
      expect.objectContaining({ [label.deployment]: "d-1" }),
    );
  });

  test("a running build can be disposed of", async () => {
    const sandbox = await sandboxOf("echo begun; sleep 600");
    const begun = Promise.withResolvers<void>();
    const ended = sandbox.run({ signal: never, onOutput: () => begun.resolve() });
    await begun.promise;
    await sandbox[Symbol.asyncDispose]();
    await Promise.allSettled([ended]);
    expect(await engine().listSandboxes()).toEqual([]);
  });

  test("an engine answers a ping", async () => {
    await expect(engine().ping()).resolves.toBeUndefined();
  });
}
