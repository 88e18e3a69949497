import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { lacksRedis, startPrivateRedis } from "@slipway/testkit";
import { processIdentity } from "../bootstrap/lock.mjs";
import { markedProcesses, stopTestProcesses } from "./marked-processes.ts";
import { testsOf } from "./repository.ts";

test("marked processes are stopped and counted", async () => {
  const mark = `test-${randomBytes(4).toString("hex")}`;
  const child = spawn("sleep", ["600"], { env: { ...process.env, TESTS_OF: mark } });
  const exited = once(child, "exit");
  const lines: string[] = [];
  await stopTestProcesses(mark, (line) => lines.push(line));
  expect(await exited).toEqual([null, "SIGTERM"]);
  expect(lines).toEqual([expect.stringContaining("stopping 1 processes")]);
});

describe.skipIf(await lacksRedis())("a test's Redis", () => {
  test("a test's Redis is a marked process", async () => {
    await using redis = await startPrivateRedis();
    expect(await markedProcesses(testsOf)).toContainEqual(await processIdentity(redis.pid));
  });
});
