// What a build is taken for before its end is certain. The sandbox is scripted, because on a real engine only chance ends a container
// between its last output and its exit.

import type { Sandbox, SandboxExit } from "@slipway/core";
import { packTar } from "@slipway/testkit";
import { expect, test } from "vitest";
import type { Attempt } from "../attempt.ts";
import { build } from "./build.ts";

const signal = new AbortController().signal;
const config = {
  build: { diskBytes: 1024 ** 2, tmpfsBytes: 1024 ** 2 },
  timing: { buildTimeoutMs: 60_000, buildSilenceMs: 60_000 },
};
const small = { "result/buildpack": "inline\n", "result/Procfile": "web: x\n", "result/app.tar": "tar" };
const { "result/app.tar": _, ...large } = small;
const exited: SandboxExit = { exitCode: 0, outOfMemory: false, diskFull: false };

test("a build whose result contains the app is taken for done before its end is certain", async () => {
  const { exit, built } = await begin(small);
  expect(await built).toMatchObject({ app: Buffer.from("tar"), processTypes: { web: "x" } });
  exit.resolve(exited);
  await (
    await built
  ).ended;
});

test("a build that fails at its very end fails what was taken for done", async () => {
  const { exit, built } = await begin(small);
  const { ended } = await built;
  exit.resolve({ ...exited, exitCode: 137, diskFull: true });
  await expect(ended).rejects.toMatchObject({ code: "build-disk-full" });
});

test("a build whose app is not in its result is done with its end", async () => {
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

/** Begins a build that has written this result, and whose exit is not known yet. */
async function begin(result: Readonly<Record<string, string>>) {
  const exit = Promise.withResolvers<SandboxExit>();
  const tar = await packTar(result);
  const run: Sandbox["run"] = ({ onError, onOutputEnd }) => {
    onError?.(tar);
    onOutputEnd?.();
    return exit.promise;
  };
  const attempt = {
    signal,
    log: { line: () => undefined, write: async () => undefined },
    lease: { phase: (_name: string, _log: unknown, work: () => unknown) => work() },
  };
  return { exit, built: build({ config }, attempt as unknown as Attempt, { run }) };
}
