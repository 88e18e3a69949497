// The command `slipway`, run as a separate process: from the login to the deletion of the app.

import { chmod, cp, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";
import { expect, inject, onTestFinished, test } from "vitest";
import { call, page } from "./slipway.ts";

const program = new URL("../../apps/cli/src/slipway.ts", import.meta.url).pathname;
const sample = new URL("../../samples/hello-inline", import.meta.url).pathname;

test("slipway signs in, deploys a folder, shows and changes the app, and reports a failed build by its exit code", async () => {
  const home = await mkdtemp(join(tmpdir(), "slipway-home-"));
  onTestFinished(() => rm(home, { recursive: true }));
  const name = basename(home).toLowerCase();
  const folder = join(home, name);
  await cp(sample, folder, { recursive: true });
  const slipway = (args: string[], input = "") =>
    execa(process.execPath, [program, ...args], {
      cwd: folder,
      input,
      reject: false,
      env: { HOME: home, XDG_CONFIG_HOME: "", SLIPWAY_URL: "", SLIPWAY_TOKEN: "", SLIPWAY_APP: "" },
    });
  const json = async (...args: string[]) => {
    const { stdout, stderr, exitCode } = await slipway([...args, "--json"]);
    if (exitCode !== 0) throw new Error(`slipway ${args.join(" ")} exited with ${exitCode}: ${stderr}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  expect((await slipway(["status"])).exitCode).toBe(3);
  const signedIn = await slipway(["login", inject("apiUrl")], inject("adminToken"));
  expect(signedIn).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Signed in") });
  expect((await stat(join(home, ".config/slipway/credentials.json"))).mode & 0o777).toBe(0o600);

  const missing = await slipway(["deploy"]);
  expect(missing).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("add --create") });
  const first = await slipway(["deploy", "--create", "--ref", "v1"]);
  expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("success") });
  expect(first.stdout).toContain("----->");
  expect(await page(name)).toMatch(/hello/i);
  expect((await slipway(["logs"])).stdout).toContain("----->");

  expect((await slipway(["env", "set", "A=1", "B=two words"])).exitCode).toBe(0);
  await writeFile(join(folder, ".env"), "C='3'\n");
  expect((await slipway(["env", "import"])).exitCode).toBe(0);
  expect((await slipway(["env", "unset", "A"])).exitCode).toBe(0);
  expect((await slipway(["env", "set", "--scope", "run", "C=4"])).exitCode).toBe(0);
  expect((await slipway(["env", "list"])).stdout.split("\n").toSorted()).toEqual([
    "B=two words",
    "C=4 # run only",
  ]);
  expect((await slipway(["env", "get", "A"])).exitCode).toBe(1);

  expect(await json("scale", "web=2")).toMatchObject({ operation: { status: "done", type: "scale" } });
  expect((await json("ps"))["containers"]).toHaveLength(2);
  expect(await json("restart")).toMatchObject({ operation: { status: "done", type: "restart" } });

  const second = await json("deploy", "--ref", "v2");
  expect(second).toMatchObject({ deployment: { status: "success", git_ref: "v2" } });
  const back = await json("rollback");
  expect(back).toMatchObject({ deployment: { status: "success", type: "release" } });

  await writeFile(join(folder, "bin", "compile"), "#!/bin/bash\necho out of luck\nexit 3\n");
  await chmod(join(folder, "bin", "compile"), 0o755);
  const failed = await slipway(["deploy"]);
  expect(failed.exitCode).toBe(1);
  expect(failed.stdout).toContain("out of luck");
  expect(await json("status")).toMatchObject({ app: { name }, deployment: { status: "build-error" } });
  expect((await json("deployments"))["deployments"]).toHaveLength(4);
  expect((await slipway(["abort"])).stderr).toContain("already ended");

  expect((await json("workers"))["workers"]).not.toHaveLength(0);
  expect((await slipway(["complete", "--", "roll"])).stdout).toContain("rollback");
  expect((await slipway(["completion", "fish"])).stdout).toContain("slipway");

  expect(await json("apps", "list", "--name", name)).toMatchObject({
    apps: [{ name }],
    meta: { pagination: { total_count: 1 } },
  });
  expect(await json("apps", "list")).toEqual({
    apps: expect.arrayContaining([expect.objectContaining({ name })]),
  });
  expect((await slipway(["apps", "list", "--name", name])).stdout).toContain(`${name}  `);

  expect((await slipway(["apps", "delete", name])).exitCode).toBe(2);
  expect((await slipway(["apps", "delete", name, "--confirm", name])).exitCode).toBe(0);
  const { apps } = await call<{ apps: { name: string }[] }>("GET", "/v1/apps");
  expect(apps.map((app) => app.name)).not.toContain(name);
});
