import { expect, test } from "vitest";
import { appCrashed, bootTimedOut } from "./boot-failures.ts";

const crash = { processType: "web", exitCode: 1, outOfMemory: false, memoryBytes: 512 * 1024 ** 2 };
const timeout = {
  processType: "web",
  bootTimeoutMs: 60_000,
  port: 8080,
  listening: "nowhere",
  probeTrouble: "",
} as const;

test.for([
  [{}, "the web process exited with code 1 before it listened on PORT"],
  [{ exitCode: 0 }, "it has to stay in the foreground"],
  [{ exitCode: 127 }, "its command was not found"],
  [{ exitCode: 137 }, "it was killed"],
  [{ exitCode: 137, outOfMemory: true }, "it ran out of its 512 MiB of memory"],
] as const)("a crash with %j says: %s", ([facts, words]) => {
  const error = appCrashed({ ...crash, ...facts });
  expect(error.code).toBe("app-crashed");
  expect(error.message).toContain(words);
});

test.for([
  [{}, "the web process did not listen on PORT (8080) within 60 s"],
  [{ bootTimeoutMs: 1500 }, "within 1.5 s"],
  [{ listening: "loopback" }, "let it listen on 0.0.0.0"],
  [{ probeTrouble: "no /bin/sh" }, "no /bin/sh"],
] as const)("a timeout with %j says: %s", ([facts, words]) => {
  const error = bootTimedOut({ ...timeout, ...facts });
  expect(error.code).toBe("boot-timeout");
  expect(error.message).toContain(words);
});
