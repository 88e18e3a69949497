// Images that are made here by a script of this repository: once per machine, known again by what defines them.
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { inheritedEnvironment, searchPath } from "../config.ts";
import type { Engine } from "./engine-connection.ts";
import { imageId } from "./engine-images.ts";
import type { Step } from "./progress.ts";
import { SetupError } from "./setup-error.ts";
import { isRoot, sharedLock } from "./shared-folder.ts";
import { findProgram } from "./find-program.ts";

export interface ImageDefinition {
  /** What it is, for people, with its article. */
  what: string;
  /** Absolute path of the script, which gets the tag as its argument. */
  builder: string;
  /** Absolute paths of the folders and files that say what the image is; the builder is one of them. */
  definedBy: readonly string[];
  /** What the script needs, besides root. */
  programs: readonly string[];
  /** What to do where it cannot be made. */
  advice: string;
  /** Names its lock and its log file. */
  name: string;
}

const shownLines = 15;

/**
 * 12 hexadecimal digits over the names, modes and contents of all files of these places, folders or single files, and the
 * machine's kind.
 */
export async function definitionHash(...places: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(process.arch);
  for (const place of places) {
    for (const path of await filesIn(place)) {
      const { mode } = await stat(path);
      hash
        .update(`\0${path.slice(dirname(place).length)}\0${(mode & 0o100).toString(8)}\0`)
        .update(await readFile(path));
    }
  }
  return hash.digest("hex").slice(0, 12);
}

async function filesIn(place: string): Promise<string[]> {
  if (!(await stat(place)).isDirectory()) return [place];
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** Makes the image unless the engine has it; yields its id. Throws SetupError. */
export async function ensureBuilt(
  engine: Engine,
  tag: string,
  definition: ImageDefinition,
  { dataDir, step }: { dataDir: string; step: Step },
): Promise<string> {
  const present = await imageId(engine.docker, tag);
  if (present !== undefined) return present;
  await using _lock = await sharedLock(definition.name, step.tell);
  const madeMeanwhile = await imageId(engine.docker, tag);
  if (madeMeanwhile !== undefined) return madeMeanwhile;
  const obstacle = await obstacleTo(definition);
  if (obstacle !== undefined) throw new SetupError(obstacle);
  await step.during(`making ${tag}, once for this machine`, (note) =>
    build(definition, tag, dataDir, step.tell, note),
  );
  const id = await imageId(engine.docker, tag);
  if (id === undefined)
    throw new SetupError(`${definition.builder} ended well, yet the engine has no ${tag}.`);
  return id;
}

/** Why this machine cannot make it, with the advice; undefined when it can. */
export async function obstacleTo({ what, programs, advice }: ImageDefinition): Promise<string | undefined> {
  if (!isRoot()) return `Making ${what} needs root: run this once as root, or ${advice}.`;
  for (const program of programs) {
    if ((await findProgram(program)) !== undefined) continue;
    return `Making ${what} needs ${program}: install it, or ${advice}.`;
  }
  return undefined;
}

/** Runs the builder with its whole output in a file, its headings told and its latest line noted. */
async function build(
  { what, builder, name }: ImageDefinition,
  tag: string,
  dataDir: string,
  tell: (text: string) => void,
  note: (detail: string) => void,
): Promise<void> {
  const folder = join(dataDir, "logs");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const logFile = join(folder, `${name}.log`);
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
    if (line.startsWith("----->")) tell(line.slice("----->".length).trim());
    else note(line.trim().slice(0, 70));
  }
  if (!(await child).failed) return;
  throw new SetupError(
    `Making ${what} failed; all of it is in ${logFile}, which ends:\n${lines.slice(-shownLines).join("\n")}`,
  );
}
