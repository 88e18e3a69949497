// What a build engine promises about the output of a build.

import { expect, test } from "vitest";
import { never, run, sandboxesOf, textOf } from "./under-test.ts";
import type { BuildsUnderTest } from "./under-test.ts";

export function buildOutput(underTest: BuildsUnderTest): void {
  const sandboxOf = sandboxesOf(underTest);
  separateErrors(sandboxOf);

  test("all output is delivered in order, before the exit code", async () => {
    await using sandbox = await sandboxOf("seq 1 200000; exit 9");
    const { text, exit } = await run(sandbox);
    const lines = text.trimEnd().split("\n");
    expect(lines.length).toBe(200_000);
    expect(lines.every((line, index) => line === String(index + 1))).toBe(true);
    expect(exit.exitCode).toBe(9);
  });

  test("a build ends although a process that it started still runs", async () => {
    await using sandbox = await sandboxOf("setsid sleep 600 & echo done");
    expect(await run(sandbox)).toMatchObject({ text: "done\n", exit: { exitCode: 0 } });
  });

  test("stdout and stderr are both delivered as output", async () => {
    await using sandbox = await sandboxOf("echo to stdout; echo to stderr >&2");
    const { text } = await run(sandbox);
    expect(text).toContain("to stdout\n");
    expect(text).toContain("to stderr\n");
  });

  test("output waits for the promise that its receiver returned", async () => {
    await using sandbox = await sandboxOf("seq 1 300000");
    let busy = 0;
    let maxConcurrent = 0;
    await sandbox.run({
      signal: never,
      onOutput: async () => {
        busy += 1;
        maxConcurrent = Math.max(maxConcurrent, busy);
        await new Promise((resolve) => void setImmediate(resolve));
        busy -= 1;
      },
    });
    expect(maxConcurrent).toBe(1);
    expect(busy).toBe(0);
  });

  test("an error of the output's receiver ends the build and rejects its run", async () => {
    await using sandbox = await sandboxOf("while :; do echo on and on; done");
    const failed = sandbox.run({ signal: never, onOutput: () => Promise.reject(new Error("log is full")) });
    await expect(failed).rejects.toThrow("log is full");
  });
}

function separateErrors(sandboxOf: ReturnType<typeof sandboxesOf>): void {
  test("stderr is delivered apart from the output to a receiver of its own", async () => {
    await using sandbox = await sandboxOf("echo to stdout; echo to stderr >&2; echo more");
    let [output, errors] = ["", ""];
    await sandbox.run({
      signal: never,
      onOutput: (bytes) => void (output += textOf(bytes)),
      onError: (bytes) => void (errors += textOf(bytes)),
    });
    expect({ output, errors }).toEqual({ output: "to stdout\nmore\n", errors: "to stderr\n" });
  });

  test("an error of the receiver of stderr ends the build and rejects its run", async () => {
    await using sandbox = await sandboxOf("while :; do echo on and on >&2; done");
    const onError = () => {
      throw new Error("too much");
    };
    await expect(sandbox.run({ signal: never, onOutput: () => undefined, onError })).rejects.toThrow(
      "too much",
    );
  });
}
