// Keeps node_modules in step with package-lock.json. Of several waiting processes, one installs the packages.
// Plain JavaScript, because it runs before the Node packages, Node 24 among them, are installed.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { acquireLock } from "./lock.mjs";

const stampName = ".slipway-stamp";
const lockWaitMs = 15 * 60_000;
const tickMs = 10_000;
const shownLines = 25;

/** Hashes everything that the installed packages depend on. */
export function packageStamp(root) {
  const hash = createHash("sha256");
  for (const name of ["package-lock.json", "package.json"])
    hash.update(name).update(readFileSync(join(root, name)));
  return hash.update(process.platform).update(process.arch).digest("hex").slice(0, 32);
}

/** Whether node_modules matches package-lock.json, judged by Slipway's stamp or by npm's record in node_modules. */
export function packagesAreFresh(root) {
  const modules = join(root, "node_modules");
  if (!existsSync(join(modules, ".package-lock.json"))) return false;
  if (readStamp(modules) === packageStamp(root)) return true;
  return sameInstall(
    readJson(join(root, "package-lock.json")),
    readJson(join(modules, ".package-lock.json")),
  );
}

/**
 * Whether every package of the lock file is installed in that version; `installed` is npm's record in node_modules.
 * Optional packages may be missing: they are for other machines.
 */
export function sameInstall(wanted, installed) {
  return Object.entries(wanted.packages ?? {}).every(([path, entry]) => {
    if (path === "") return true;
    const found = installed.packages?.[path];
    if (!found) return entry.optional === true || entry.devOptional === true || entry.peer === true;
    return (
      found.version === entry.version && found.integrity === entry.integrity && sameDependencies(found, entry)
    );
  });
}

/**
 * Links the workspaces of package-lock.json that node_modules lacks. It needs no npm and replaces no package, so that a command
 * works with the packages that an earlier version installed, also while processes of that version use them.
 */
export function linkWorkspaces(root) {
  for (const [path, { link, resolved }] of Object.entries(
    readJson(join(root, "package-lock.json")).packages,
  )) {
    const from = join(root, path);
    if (!link || existsSync(from)) continue;
    mkdirSync(dirname(from), { recursive: true });
    // the link of a workspace that was moved points nowhere
    rmSync(from, { force: true });
    symlinkSync(relative(dirname(from), join(root, resolved)), from);
  }
}

/** Installs the packages unless another process just did. Calls `say` with one line at a time. Throws with npm's output. */
export async function installPackages(root, say) {
  const lock = await acquireLock(join(root, ".turbo", "packages.lock"), {
    waitMs: lockWaitMs,
    onWait: (holder) => say(`waiting for process ${holder.pid}, which installs them`),
  });
  try {
    if (packagesAreFresh(root)) return writeStamp(root);
    const startedAt = Date.now();
    say("installing the Node packages");
    const tick = setInterval(() => say(`still installing (${seconds(startedAt)} s)`), tickMs);
    await npmInstall(root).finally(() => clearInterval(tick));
    writeStamp(root);
    say(`installed in ${seconds(startedAt)} s`);
  } finally {
    await lock.release();
  }
}

function sameDependencies(one, other) {
  return JSON.stringify(one.dependencies ?? {}) === JSON.stringify(other.dependencies ?? {});
}

/**
 * Installs the packages of package-lock.json and does not change that file. `npm ci` would refuse a lock file that was written
 * where the registry lacked an optional package for another platform.
 */
function npmInstall(root) {
  return new Promise((resolve, reject) => {
    // Slipway needs the dev packages here, so NODE_ENV=production in the environment must not drop them
    const args = ["install", "--no-save", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
    const child = spawn("npm", args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk) => (output += chunk);
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) return resolve();
      const lines = output.trimEnd().split("\n").slice(0, shownLines).join("\n");
      reject(new Error(`npm install ended with ${signal ?? `code ${code}`}:\n${lines}`));
    });
  });
}

function readStamp(modules) {
  const path = join(modules, stampName);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

function writeStamp(root) {
  writeFileSync(join(root, "node_modules", stampName), `${packageStamp(root)}\n`);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function seconds(startedAt) {
  return Math.round((Date.now() - startedAt) / 1000);
}
