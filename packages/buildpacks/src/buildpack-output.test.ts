// How the bundled buildpacks print the output of commands, even if background processes of a command keep the output open.

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultStacksDir } from "./stack-files.ts";
import { runAsContainer } from "../test-support/container.ts";

const library = join(defaultStacksDir, "buildpacks/lib/output.sh");

async function run(script: string) {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "buildpack-output-"));
  const whole = `set -euo pipefail\nsource ${library}\n${script}`;
  return await runAsContainer(["/bin/bash", "-c", whole], { SCRATCH: scratch.path });
}

test("lines are indented below headings, in the order of both streams, and the last may lack a newline", async () => {
  const { output, errors, exitCode } = await run(`heading First
    indented bash -c 'echo one; echo two >&2; echo; printf three'
    indented true
    heading Second`);
  expect({ output, errors, exitCode }).toEqual({
    output: "-----> First\n       one\n       two\n       \n       three\n-----> Second\n",
    errors: "",
    exitCode: 0,
  });
});

test("the exit code is the command's, and the recorded output can be searched", async () => {
  const { output } = await run(
    `recorded "$SCRATCH/log" bash -c 'echo said; exit 3' || { echo "code $?"; cat "$SCRATCH/log"; }`,
  );
  expect(output).toBe("       said\ncode 3\n       said\n");
});

test("a command ends while a process that it left behind runs, and no output is lost", async () => {
  const { output, exitCode } = await run(
    `indented bash -c 'sleep 600 & seq 1 5000; echo last'; heading Next`,
  );
  const lines = output.split("\n");
  expect(lines.slice(-4)).toEqual(["       5000", "       last", "-----> Next", ""]);
  expect(lines.length).toBe(5003);
  expect(exitCode).toBe(0);
});

test("later output of a process that a command left behind is printed, too", async () => {
  const { output } = await run(`mkfifo "$SCRATCH/go" "$SCRATCH/shown"
    exec {shown}<>"$SCRATCH/shown"
    indented bash -c '{ read -r <"$SCRATCH/go"; echo later; sleep 600; } & echo now' >&"$shown"
    echo >"$SCRATCH/go"
    read -r first <&"$shown"
    read -r second <&"$shown"
    echo "$first, then $second"`);
  expect(output).toBe("now, then later\n");
});
