import { setImmediate } from "node:timers/promises";
import { SlipwayError } from "@slipway/core";
import type { RunningPhase } from "@slipway/deployments";
import { anApp, packTarGz, refusal } from "@slipway/testkit";
import { expect, test } from "vitest";
import type { PlanContext } from "./phases/plan.ts";
import { prepareBuild } from "./prepare-build.ts";

const files = { "app/package.json": '{"scripts":{"start":"node ."}}' };

test("a plan has ended when the preparation fails, so that it reads no source that is deleted", async () => {
  const planning = Promise.withResolvers<void>();
  let hasEnded = false;
  const archive = await packTarGz(files);
  const open = async () => ({
    async *[Symbol.asyncIterator]() {
      yield archive;
    },
    [Symbol.asyncDispose]: async () => {},
  });
  const nodejs: PlanContext["toolchains"]["nodejs"] = {
    choose: async (_plan, signal) => {
      planning.resolve();
      const aborted = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => aborted.reject(signal.reason));
      try {
        return await aborted.promise;
      } finally {
        await setImmediate();
        hasEnded = true;
      }
    },
  };
  const other = {
    choose: async () => {
      throw new SlipwayError("internal", "this language is not used");
    },
  };
  const context = {
    toolchains: { nodejs, python: other, go: other, php: other, ruby: other },
    catalogue: [],
    config: {
      limits: { sourceBytes: 1024 ** 2, sourceEntries: 100 },
      builders: ["buildpacks" as const],
      cnbBuilder: undefined,
      stackName: "stack",
    },
    store: { releases: { get: async () => null } },
    registry: { inspect: async () => null },
    engine: {
      async removeSandboxes() {
        await planning.promise;
        throw new SlipwayError("engine-unavailable", "the engine does not respond");
      },
    },
  };
  const attempt = {
    app: anApp({ currentReleaseId: null }),
    variables: {},
    signal: new AbortController().signal,
    log: { line: () => undefined, lastSeq: 0 },
    lease: {
      deployment: { appId: "app", id: "deployment", attempt: 1 },
      phase: <T>(_name: string, _log: unknown, work: (phase: RunningPhase) => Promise<T>) =>
        work({ addBytes: () => undefined, reuse: () => undefined }),
    },
  };
  expect(await refusal(prepareBuild(context, attempt, { open }))).toBe(
    "engine-unavailable: the engine does not respond",
  );
  expect(hasEnded).toBe(true);
});
