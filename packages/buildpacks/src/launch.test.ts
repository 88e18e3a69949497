import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempDisposableSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { LAUNCH_SCRIPT, launchCommand } from "./launch.ts";

const verifiesFirst = "pnpm_config_verify_deps_before_run";

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
  // The test machine has no /app.
  const { status, stdout, stderr } = spawnSync("/bin/bash", [
    flag,
    script.replace("cd /app", `cd '${app}'`),
    ...rest,
  ]);
  rmSync(app, { recursive: true });
  expect([status, stdout.toString(), stderr.toString()]).toEqual([3, "1 2 3 $PWD \n", ""]);
});

test.each([
  [
    "pnpm runs a script of a release without an install, which is its default from version 11 on",
    {},
    "false",
  ],
  ["an app decides itself whether pnpm installs before a script", { [verifiesFirst]: "error" }, "error"],
])("%s", (_what, variables, expected) => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "launch-"));
  writeFileSync(join(folder.path, "pnpm"), `#!/bin/sh\necho "$${verifiesFirst}"\n`, { mode: 0o755 });
  const [program = "", ...args] = launchCommand("pnpm start");
  const inFolder = args.map((arg) => arg.replace("cd /app", `cd '${folder.path}'`));
  const env = { PATH: `${folder.path}:${process.env["PATH"]}`, ...variables };
  expect(spawnSync(program, inFolder, { env }).stdout.toString()).toBe(`${expected}\n`);
});

test("a process without pnpm has no variable of pnpm", () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "launch-"));
  const [program = "", ...args] = launchCommand(`echo "\${${verifiesFirst}:-none}"`);
  const inFolder = args.map((arg) => arg.replace("cd /app", `cd '${folder.path}'`));
  expect(spawnSync(program, inFolder, { env: { PATH: "/usr/bin:/bin" } }).stdout.toString()).toBe("none\n");
});

describe("a script of package.json", () => {
  const scripts = {
    start: "node app.js && true",
    prestart: 'echo "before $npm_lifecycle_event"',
    "serve:all": 'echo "it\'s $npm_lifecycle_event $npm_package_version $npm_package_config_port"',
    tool: "tool",
    wait: "NODE_ENV=production node wait.js",
    install: "true",
    preinstall: "exit 7",
    build: "echo done",
    postbuild: "true",
  };

  /** Excludes the settings of the npm that runs the tests. */
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

  function start(command: string) {
    const folder = mkdtempDisposableSync(join(tmpdir(), "launch-"));
    const manifest = { name: "app", version: "1.2.3", scripts, config: { port: 3000 } };
    writeFileSync(join(folder.path, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(folder.path, "app.js"), "console.log(process.pid);");
    writeFileSync(
      join(folder.path, "wait.js"),
      "process.on('SIGTERM', () => process.exit(5)); setInterval(() => {}, 1e6); console.log('up');",
    );
    mkdirSync(join(folder.path, "node_modules/.bin"), { recursive: true });
    writeFileSync(join(folder.path, "node_modules/.bin/tool"), "#!/bin/sh\necho a tool\n", { mode: 0o755 });
    const [program = "", ...args] = launchCommand(command);
    const inFolder = args.map((arg) => arg.replace("cd /app", `cd '${folder.path}'`));
    return { folder, child: spawn(program, inFolder, { env, stdio: ["ignore", "pipe", "pipe"] }) };
  }

  async function run(command: string) {
    const { folder, child } = start(command);
    using _ = folder;
    const [output, [exitCode]] = await Promise.all([
      text(child.stdout),
      once(child, "exit") as Promise<[number]>,
    ]);
    return { output, exitCode };
  }

  test("a script of package.json has the variables and the commands that npm gives it, after its pre script", async () => {
    expect((await run("npm start")).output).toMatch(/^before prestart\n\d+\n$/);
    expect(await run("npm run serve:all")).toEqual({ output: "it's serve:all 1.2.3 3000\n", exitCode: 0 });
    expect(await run("npm run tool")).toEqual({ output: "a tool\n", exitCode: 0 });
    expect(await run("npm run install")).toEqual({ output: "", exitCode: 7 });
  });

  test("a script of package.json that only npm can run is run by npm", async () => {
    expect((await run("npm run build")).output).toContain("> app@1.2.3 build\n");
    expect((await run("npm run missing")).exitCode).toBe(1);
  });

  test("a script of package.json receives SIGTERM itself", async () => {
    const { folder, child } = start("npm run wait");
    using _ = folder;
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([5, null]);
  });
});
