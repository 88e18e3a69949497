// Build results that are used before the build's container has exited. The sandbox is scripted, because a real engine offers no way to fail
// a container between its last output and its exit.

import { SlipwayError } from "@slipway/core";
import type { Sandbox, SandboxExit } from "@slipway/core";
import { packTar } from "@slipway/testkit";
import { expect, test } from "vitest";
import type { RunningPhase } from "@slipway/deployments";
import { build } from "./build.ts";

const signal = new AbortController().signal;
const config = {
  build: { diskBytes: 1024 ** 2, tmpfsBytes: 1024 ** 2 },
  timing: { buildTimeoutMs: 60_000, buildSilenceMs: 60_000 },
};
const small = { "result/buildpack": "inline\n", "result/Procfile": "web: x\n", "result/app.tar": "tar" };
const { "result/app.tar": _, ...large } = small;
const exited: SandboxExit = { exitCode: 0, outOfMemory: false, diskFull: false };

test("a result that contains the app is returned before the build's container exits", async () => {
  const { exit, built } = await begin(small);
  expect(await built).toMatchObject({ app: Buffer.from("tar"), processTypes: { web: "x" } });
  exit.resolve(exited);
  await (
    await built
  ).ended;
});

test("a build that fails after its result was returned rejects `ended`", async () => {
  const { exit, built } = await begin(small);
  const { ended } = await built;
  exit.resolve({ ...exited, exitCode: 137, diskFull: true });
  await expect(ended).rejects.toMatchObject({ code: "build-disk-full" });
});

test("a result that does not contain the app is returned after the build's container exits", async () => {
  const { exit, built } = await begin(large);
  exit.resolve({ ...exited, exitCode: 137 });
  await expect(built).rejects.toMatchObject({ code: "build-failed" });
});

test("an app without a web process fails the build once it has ended", async () => {
  const { exit, built } = await begin({ ...small, "result/Procfile": "worker: x\n" });
  let failed = false;
  const failing = built.catch((error: unknown) => {
    failed = true;
    throw error;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(failed).toBe(false);
  exit.resolve(exited);
  await expect(failing).rejects.toMatchObject({ code: "no-web-process" });
});

test("a build does not begin when a newer attempt holds the lease", async () => {
  const lost = new SlipwayError("lease-lost", "attempt 2 holds the deployment");
  const { built, runs } = await begin(small, () => Promise.reject(lost));
  await expect(built).rejects.toBe(lost);
  expect(runs()).toBe(0);
});

/** Starts a build that has written this result, and whose container has not exited. @param check the check of the lease. */
async function begin(result: Readonly<Record<string, string>>, check = async () => undefined) {
  let runs = 0;
  const exit = Promise.withResolvers<SandboxExit>();
  const tar = await packTar(result);
  const run: Sandbox["run"] = ({ onError, onOutputEnd }) => {
    runs += 1;
    onError?.(tar);
    onOutputEnd?.();
    return exit.promise;
  };
  const attempt = {
    signal,
    log: { line: () => undefined, write: async () => undefined, lastSeq: 0 },
    lease: {
      check,
      phase: <T>(_name: string, _log: unknown, work: (phase: RunningPhase) => Promise<T>) =>
        work({ addBytes: () => undefined, reuse: () => undefined }),
    },
  };
  return { exit, built: build({ config }, attempt, { run }), runs: () => runs };
}
