import { expect, test } from "vitest";
import { appCrashed, bootTimedOut, unhealthy } from "./boot-failures.ts";
import type { Listening } from "./listening.ts";

const crash = {
  processType: "web",
  exitCode: 1,
  outOfMemory: false,
  diskFull: null,
  limits: { memoryBytes: 2 ** 29, diskBytes: 2 ** 31 },
};
const timeout = {
  processType: "web",
  bootTimeoutMs: 60_000,
  port: 8080,
  listening: { reach: "nowhere", elsewhere: [] },
  probeFailure: "",
} as const;

const elsewhere = (...ports: [port: number, loopback: boolean][]): Listening => ({
  reach: "nowhere",
  elsewhere: ports.map(([port, loopback]) => ({ port, loopback })),
});

test.for([
  [{}, "the web process exited with code 1 before it listened on PORT"],
  [
    { moment: "before the HEALTHCHECK of its image succeeded" },
    "the web process exited with code 1 before the HEALTHCHECK of its image succeeded",
  ],
  [{ exitCode: 0 }, "it has to stay in the foreground"],
  [{ exitCode: 127 }, "a command or shared library that it needs was not found"],
  [{ exitCode: 137 }, "it was killed"],
  [{ exitCode: 137, diskFull: "bytes" }, "it wrote more than its 2048 MiB of disk (APP_DISK_MB)"],
  [
    { exitCode: 137, diskFull: "files" },
    "it created more than 524288 files, and each counts as 4 KiB of its",
  ],
  [{ exitCode: 153 }, "one of its files was larger than its 2048 MiB of disk (APP_DISK_MB)"],
  [{ exitCode: 137, outOfMemory: true }, "it ran out of its 512 MiB of memory"],
] as const)("the error of a crash with %j contains: %s", ([facts, words]) => {
  const error = appCrashed({ ...crash, ...facts });
  expect(error.code).toBe("app-crashed");
  expect(error.message).toContain(words);
});

test.for([
  [{}, "the web process did not listen on PORT (8080) within 60 s"],
  [{ bootTimeoutMs: 1500 }, "within 1.5 s"],
  [{ listening: { reach: "loopback", elsewhere: [] } }, "make it listen on 0.0.0.0"],
  [
    { listening: elsewhere([3000, false], [9229, true]) },
    ": it listens on 3000, 127.0.0.1:9229, but PORT is 8080: make it listen on the port in the variable PORT (process.env.PORT)",
  ],
  [
    { listening: elsewhere([3000, true]) },
    ": it listens on 127.0.0.1:3000, but PORT is 8080: make it listen on 0.0.0.0 and the port in the variable PORT (process.env.PORT)",
  ],
  [
    { listening: elsewhere([1, true], [2, false], [3, false], [4, false], [5, false], [6, false]) },
    "it listens on 2, 3, 4, 5 and 2 more, but",
  ],
  [{ probeFailure: "no /bin/sh" }, "no /bin/sh"],
] as const)("the error of a boot timeout with %j contains: %s", ([facts, words]) => {
  const error = bootTimedOut({ ...timeout, ...facts });
  expect(error.code).toBe("boot-timeout");
  expect(error.message).toContain(words);
});

const check = { exitCode: 1, exceededMs: null, output: "" };

test.for([
  [
    { output: "looking\n  no answer\n" },
    "listens on PORT (8080), but the HEALTHCHECK of its image did not succeed within 60 s: it exited with code 1: no answer",
  ],
  [{ exitCode: 3 }, "did not succeed within 60 s: it exited with code 3"],
  [{ exitCode: null }, "the HEALTHCHECK of its image did not end within 60 s"],
  [
    { exitCode: null, exceededMs: 2_500, output: "connecting" },
    "did not succeed within 60 s: it did not end within its timeout of 2.5 s: connecting",
  ],
  [
    { output: "\u001B[2Jso far\r\u001B]0;title\u0007\u001B[31mno\u0000 database\u001B[0m\r\n" },
    "it exited with code 1: no database",
  ],
] as const)("the error of a health check with %j contains: %s", ([facts, words]) => {
  const error = unhealthy({ ...timeout, check: { ...check, ...facts } });
  expect(error.code).toBe("boot-timeout");
  expect(error.message.endsWith(words)).toBe(true);
  expect(error.hint).toContain("Run the check");
});
