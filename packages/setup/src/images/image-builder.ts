// Builds images with scripts of this repository, once per machine: a tag contains the hash of the files that define the images.

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
  /** The description in messages, with its article. */
  what: string;
  /** Absolute path of the script, which takes the tags of the images that it builds as its arguments. */
  builder: string;
  /** Absolute paths of the files and folders that define the images, the builder included. */
  definedBy: readonly string[];
  /** Programs that the script needs, in addition to root. */
  programs: readonly string[];
  /** The alternative, for messages, when the images cannot be built. */
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

/** Builds the images with these tags unless the engine has them all. Returns their ids, in order. Throws SetupError. */
export async function ensureBuilt<Tags extends readonly string[]>(
  engine: Engine,
  tags: Tags,
  definition: ImageDefinition,
  { dataDir, step }: { dataDir: string; step: Step },
): Promise<{ [Index in keyof Tags]: string }> {
  const present = await imageIds(engine, tags);
  if (isComplete(tags, present)) return present;
  await using _lock = await sharedLock(definition.name, step.report);
  const builtMeanwhile = await imageIds(engine, tags);
  if (isComplete(tags, builtMeanwhile)) return builtMeanwhile;
  const obstacle = await obstacleTo(definition);
  if (obstacle !== undefined) throw new SetupError(obstacle);
  await step.during(`building ${tags.join(" and ")}, once for this machine`, (note) =>
    build(definition, tags, dataDir, step.report, note),
  );
  const built = await imageIds(engine, tags);
  if (isComplete(tags, built)) return built;
  throw new SetupError(
    `${definition.builder} succeeded, but the engine lacks an image of ${tags.join(" and ")}: see ${logPath(dataDir, definition.name)}.`,
  );
}

function imageIds({ docker }: Engine, tags: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(tags.map((tag) => imageId(docker, tag)));
}

function isComplete<Tags extends readonly string[]>(
  _tags: Tags,
  ids: readonly (string | undefined)[],
): ids is { [Index in keyof Tags]: string } {
  return !ids.includes(undefined);
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

/** Runs the builder. Writes its output to a log file, reports its headings, and shows its latest line. */
async function build(
  { what, builder, name }: ImageDefinition,
  tags: readonly string[],
  dataDir: string,
  report: (text: string) => void,
  note: (detail: string) => void,
): Promise<void> {
  const logFile = logPath(dataDir, name);
  await mkdir(dirname(logFile), { recursive: true, mode: 0o700 });
  const child = execa("bash", [builder, ...tags], {
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
