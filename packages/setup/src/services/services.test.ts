import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processIdentity } from "../../bootstrap/lock.mjs";
import {
  forgetServices,
  waitForExit,
  readServices,
  recordService,
  runningProcess,
  stopProcess,
} from "./services.ts";

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-services-"));
});
afterEach(() => rm(dataDir, { recursive: true }));

/** Starts a process to record and stop; a `stubborn` one ignores SIGTERM. */
async function launch(stubborn = false) {
  const child = spawn("bash", [
    "-c",
    `${stubborn ? "trap '' TERM; " : ""}echo up; while :; do sleep 0.1; done`,
  ]);
  await once(child.stdout, "data");
  const identity = await processIdentity(child.pid ?? 0);
  if (!identity) throw new Error("the process is gone");
  return { child, identity };
}

const service = (name: string) => ({ kind: "container" as const, name, containerId: "c1" });

test("services.json keeps one record per name under concurrent writes", async () => {
  await Promise.all(
    ["redis", "registry", "api", "redis"].map((name) => recordService(dataDir, service(name))),
  );
  expect((await readServices(dataDir)).map((one) => one.name).toSorted()).toEqual([
    "api",
    "redis",
    "registry",
  ]);
  await forgetServices(dataDir, ["api", "redis"]);
  expect(await readServices(dataDir)).toEqual([service("registry")]);
});

test("the recorded process is found while it runs", async () => {
  const { child, identity } = await launch();
  await recordService(dataDir, { kind: "process", name: "redis", ...identity });
  expect(await runningProcess(dataDir, "redis")).toMatchObject(identity);
  const exited = once(child, "exit");
  await stopProcess(identity, 30_000);
  expect(await exited).toEqual([null, "SIGTERM"]);
  expect(await runningProcess(dataDir, "redis")).toBeUndefined();
});

test("a later process with the same pid is not signaled", async () => {
  const { child, identity } = await launch();
  await stopProcess({ pid: identity.pid, startedAt: "an earlier boot:7" }, 0);
  expect(await waitForExit(identity, 0)).toBe(false);
  child.kill("SIGKILL");
});

test("a process that does not end within the grace period is killed", async () => {
  const { child, identity } = await launch(true);
  await stopProcess(identity, 300);
  expect(await waitForExit(identity, 0)).toBe(true);
  child.kill();
});
