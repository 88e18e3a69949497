import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LAUNCH_SCRIPT, launchCommand } from "./launch.ts";

test("profile scripts are sourced in order before the command, which receives their variables", () => {
  const app = mkdtempSync(join(tmpdir(), "launch-"));
  mkdirSync(join(app, ".profile.d"));
  writeFileSync(join(app, ".profile.d/a.sh"), "export A=1; set -- x y\n");
  writeFileSync(join(app, ".profile.d/b.sh"), "export B=$((A + 1))\n");
  writeFileSync(join(app, ".profile"), "export C=$((B + 1))\n");
  const [, flag = "", script = "", ...rest] = launchCommand(
    'echo "$A $B $C" \'$PWD\' "${slipway_command:-}"; exit 3',
  );
  expect(script).toBe(LAUNCH_SCRIPT);
  // The machine that runs the test has no /app.
  const { status, stdout, stderr } = spawnSync("/bin/bash", [
    flag,
    script.replace("cd /app", `cd '${app}'`),
    ...rest,
  ]);
  rmSync(app, { recursive: true });
  expect([status, stdout.toString(), stderr.toString()]).toEqual([3, "1 2 3 $PWD \n", ""]);
});
