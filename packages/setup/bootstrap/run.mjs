// The entry point of every command: installs the Node packages, Node 24 among them, then runs its program.
// Plain JavaScript without dependencies, for any Node from 20.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { commandList, commands } from "./commands.mjs";
import { lockHolder } from "./lock.mjs";
import { installPackages, linkWorkspaces, packagesAreFresh } from "./packages.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");
const wantedNode = 24;
const parentPollMs = 500;

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(` !     ${error.message}\n`);
  return 1;
});

async function main([name, ...args]) {
  const own = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
  if (!own) return unknownCommand(name);
  // the program of subcommands explains each of them
  const explained = own.hasSubcommands ? args.slice(0, 1) : args;
  if (explained.includes("--help") || explained.includes("-h")) {
    print(own.help);
    return 0;
  }
  checkMachine();
  // a running Slipway uses the packages: `down`, which stops it, must work with those of an earlier version
  if (name === "down" && existsSync(binary("node"))) linkWorkspaces(root);
  else if (!packagesAreFresh(root)) await refreshPackages();
  return run(nodeBinary(), [join(root, own.program), ...args]);
}

function unknownCommand(name) {
  const wantsHelp = name === undefined || name === "--help" || name === "-h" || name === "help";
  if (!wantsHelp) process.stderr.write(` !     There is no command "${name}".\n\n`);
  print(commandList());
  return name === undefined || !wantsHelp ? 2 : 0;
}

function checkMachine() {
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 20) throw new Error(`Node ${process.versions.node} is too old: install Node 20 or newer.`);
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    throw new Error(
      `Slipway runs on Linux on x64 or arm64, but this is ${process.platform} on ${process.arch}: use a Linux machine or a virtual machine.`,
    );
  }
}

async function refreshPackages() {
  const dataDir = resolve(root, process.env.DATA_DIR || ".slipway");
  for (const lock of ["running.json", join("test", "run.json"), join("bench", "run.json")]) {
    const running = await lockHolder(join(dataDir, lock));
    if (running) {
      throw new Error(
        `The Node packages must be updated, but Slipway or its tests use them (process ${running.pid}): stop it first with npm run down.`,
      );
    }
  }
  if (!inPath("npm"))
    throw new Error("npm is not installed: install it (on Debian and Ubuntu: apt-get install npm).");
  await installPackages(root, (text) => print(`packages  ${text}`));
}

function nodeBinary() {
  if (existsSync(binary("node"))) return binary("node");
  if (Number(process.versions.node.split(".")[0]) >= wantedNode) return process.execPath;
  throw new Error(
    `Node ${wantedNode} is missing: npm did not run the install script of the package "node" (is ignore-scripts set?). ` +
      `Run "npm rebuild node --ignore-scripts=false", or install Node ${wantedNode} yourself.`,
  );
}

function binary(name) {
  return join(root, "node_modules", ".bin", name);
}

function inPath(name) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => folder && existsSync(join(folder, name)));
}

/** Runs the command in the terminal's process group, and forwards stop signals to it. */
function run(file, args) {
  const path = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  const child = spawn(file, args, { cwd: root, stdio: "inherit", env: { ...process.env, PATH: path } });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  if (process.env.npm_lifecycle_event) onParentExit(() => child.kill("SIGTERM"));
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code, signal) => done(code ?? 128 + constants.signals[signal]));
  });
}

/** Calls `stop` when the parent has exited: a signal to npm ends npm and its shell, which does not forward the signal. */
function onParentExit(stop) {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, parentPollMs);
  timer.unref();
}

function print(text) {
  process.stdout.write(`${text}\n`);
}
