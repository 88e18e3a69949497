// The traces in `recorded` were sent by an engine (20.10) for builds of a Dockerfile with two stages.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { buildFailure } from "./build-failure.ts";
import { decodeTrace } from "./trace.ts";
import { TraceLog } from "./trace-log.ts";

function recorded(name: "built" | "cached" | "failed") {
  const file = new URL(`recorded/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as string[]).map((one) =>
    decodeTrace(Buffer.from(one, "base64")),
  );
}

function linesOf(name: Parameters<typeof recorded>[0]): { lines: readonly string[]; log: TraceLog } {
  const log = new TraceLog();
  const text = Buffer.concat(recorded(name).map((trace) => log.read(trace))).toString();
  return { lines: text.split("\n").map((line) => line.replace(/after \d+\.\d s/, "after N s")), log };
}

const base = "docker.io/library/slipway:compose-test-4f85a199";

test("the trace of a build becomes its steps, with their output and duration, without BuildKit's own work", () => {
  expect(linesOf("built").lines).toEqual([
    `-----> [one 1/2] FROM ${base}`,
    "       Done after N s",
    "-----> [one 2/2] RUN --mount=type=secret,id=TOKEN wc -c </run/secrets/TOKEN; echo first >/x",
    "12",
    "       Done after N s",
    "-----> [stage-1 2/4] COPY --from=one /x /x",
    "       Done after N s",
    "-----> [stage-1 3/4] COPY a.txt /a.txt",
    "       Done after N s",
    "-----> [stage-1 4/4] RUN cat /x; echo two; printf without-newline",
    "first",
    "two",
    "without-newline",
    "       Done after N s",
    "-----> exporting to image",
    "       Done after N s",
    "",
  ]);
});

test("the trace of a cached build says which steps were cached", () => {
  const { lines, log } = linesOf("cached");
  expect(lines).toContain("       CACHED");
  expect(log.failed()).toBeNull();
});

test("a failed step is named with its exit code, and its output precedes its end", () => {
  const { lines, log } = linesOf("failed");
  const step = "[stage-1 4/4] RUN cat /x; echo two; printf without-newline; exit 3";
  expect(lines.slice(-6)).toEqual([
    `-----> ${step}`,
    "first",
    "two",
    "without-newline",
    "       Failed after N s",
    "",
  ]);
  expect(buildFailure("executor failed running [/bin/sh -c x]: exit code: 3", log.failed())).toMatchObject({
    code: "build-failed",
    message: `the step ${step} failed with exit code 3`,
  });
});

test.each([
  ['grep -q "no space left on device" x.log" did not complete successfully: exit code: 1', "build-failed"],
  ['sh -c "x\\"" did not complete successfully: mkdir /y: no space left on device', "engine-unavailable"],
])("a step that ends with %j is %s", (end, code) => {
  const step = linesOf("failed").log.failed();
  expect(buildFailure(`process "/bin/sh -c ${end}`, step)).toMatchObject({ code });
});

test.each([
  [
    "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2: unknown instruction: RUNNING",
    "build-failed",
    "the Dockerfile cannot be built: dockerfile parse error line 2: unknown instruction: RUNNING",
  ],
  [
    "failed to solve: write /x: no space left on device",
    "engine-unavailable",
    "the disk of the build engine is full: write /x: no space left on device",
  ],
  [
    'failed to solve: failed to compute cache key: "/no space left on device": not found',
    "build-failed",
    'the Dockerfile cannot be built: "/no space left on device": not found',
  ],
])("the failure %j is explained", (message, code, explained) => {
  expect(buildFailure(message, null)).toMatchObject({ code, message: explained });
});

test("output of steps that run at the same time gets its heading again, and long lines are written in pieces", () => {
  const log = new TraceLog();
  const vertex = (digest: string) => ({
    digest,
    name: `step ${digest}`,
    cached: false,
    startedMs: 0,
    completedMs: null,
    error: "",
  });
  const say = (digest: string, text: string) =>
    log.read({ vertexes: [], outputs: [{ vertex: digest, bytes: Buffer.from(text) }] }).toString();
  log.read({ vertexes: [vertex("a"), vertex("b")], outputs: [] });
  expect(say("a", "one\ntw")).toBe("-----> step a\none\n");
  expect(say("b", "other\n")).toBe("-----> step b\nother\n");
  expect(say("a", "o\n")).toBe("-----> step a\ntwo\n");
  expect(say("a", "x".repeat(20_000))).toHaveLength(20_000);
});
