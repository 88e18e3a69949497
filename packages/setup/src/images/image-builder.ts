// Builds images with scripts of this repository, once per machine: a tag holds the hash of the files that define the image.

import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { inheritedEnvironment, searchPath } from "../child-environment.ts";
import type { Engine } from "../engine/engine-connection.ts";
import { imageId } from "../engine/engine-images.ts";
import { findProgram } from "../machine/find-program.ts";
import { isRoot, sharedLock } from "../machine/shared-folder.ts";
import type { Step } from "../progress.ts";
import { SetupError } from "../setup-error.ts";

export interface ImageDefinition {
  /** The image's description in messages, with its article. */
  what: string;
  /** Absolute path of the script, which takes the tag as its argument. */
  builder: string;
  /** Absolute paths of the files and folders that define the image, the builder included. */
  definedBy: readonly string[];
  /** Programs that the script needs. It needs root too. */
  programs: readonly string[];
  /** The alternative, in messages, where the image cannot be built. */
  advice: string;
  /** The name of its lock and its log file. */
  name: string;
}

const shownLines = 15;

/**
 * Hashes the names, modes and contents of all files at these paths (files or folders) and the CPU architecture.
 * @returns 12 hexadecimal digits.
 */
export async function definitionHash(...paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(process.arch);
  for (const root of paths) {
    for (const path of await filesIn(root)) {
      const { mode } = await stat(path);
      hash
        .update(`\0${path.slice(dirname(root).length)}\0${(mode & 0o100).toString(8)}\0`)
        .update(await readFile(path));
    }
  }
  return hash.digest("hex").slice(0, 12);
}

async function filesIn(root: string): Promise<string[]> {
  if (!(await stat(root)).isDirectory()) return [root];
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** Builds the image unless the engine has it. Returns its id. Throws SetupError. */
export async function ensureBuilt(
  engine: Engine,
  tag: string,
  definition: ImageDefinition,
  { dataDir, step }: { dataDir: string; step: Step },
): Promise<string> {
  const present = await imageId(engine.docker, tag);
  if (present !== undefined) return present;
  await using _lock = await sharedLock(definition.name, step.report);
  const builtMeanwhile = await imageId(engine.docker, tag);
  if (builtMeanwhile !== undefined) return builtMeanwhile;
  const obstacle = await obstacleTo(definition);
  if (obstacle !== undefined) throw new SetupError(obstacle);
  await step.during(`building ${tag}, once for this machine`, (note) =>
    build(definition, tag, dataDir, step.report, note),
  );
  const id = await imageId(engine.docker, tag);
  if (id === undefined)
    throw new SetupError(
      `${definition.builder} succeeded, but the engine has no image ${tag}: see ${logPath(dataDir, definition.name)}.`,
    );
  return id;
}

/** Explains why this machine cannot build the image, with the advice; undefined when it can. */
export async function obstacleTo({ what, programs, advice }: ImageDefinition): Promise<string | undefined> {
  if (!isRoot()) return `Building ${what} needs root: run this once as root, or ${advice}.`;
  for (const program of programs) {
    if ((await findProgram(program)) !== undefined) continue;
    return `Building ${what} needs ${program}: install it, or ${advice}.`;
  }
  return undefined;
}

/** Runs the builder. Writes its output to a log file, reports its headings, and notes its latest line. */
async function build(
  { what, builder, name }: ImageDefinition,
  tag: string,
  dataDir: string,
  report: (text: string) => void,
  note: (detail: string) => void,
): Promise<void> {
  const logFile = logPath(dataDir, name);
  await mkdir(dirname(logFile), { recursive: true, mode: 0o700 });
  const child = execa("bash", [builder, tag], {
    all: true,
    reject: false,
    stdin: "ignore",
    env: inheritedEnvironment({ PATH: searchPath() }),
  });
  const lines: string[] = [];
  await using log = await open(logFile, "w", 0o600);
  for await (const line of child.iterable({ from: "all" })) {
    lines.push(line);
    await log.write(`${line}\n`);
    if (line.startsWith("----->")) report(line.slice("----->".length).trim());
    else note(line.trim().slice(0, 70));
  }
  if (!(await child).failed) return;
  throw new SetupError(
    `Building ${what} failed. The end of ${logFile}:\n${lines.slice(-shownLines).join("\n")}`,
  );
}

function logPath(dataDir: string, name: string): string {
  return join(dataDir, "logs", `${name}.log`);
}
