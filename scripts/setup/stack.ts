// The stack image: STACK_IMAGE, else made once per machine from stacks/, and pushed to the installation's registry.
import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { inheritedEnvironment, repositoryRoot, searchPath } from "../config.ts";
import type { Engine } from "./engine-connection.ts";
import { imageId, pullImage, pushImage } from "./engine-images.ts";
import type { Say, Step } from "./progress.ts";
import { step } from "./progress.ts";
import { hasManifest } from "./registry.ts";
import { reasonOf, SetupError } from "./setup-error.ts";
import { isRoot, sharedLock } from "./shared-folder.ts";
import { findProgram } from "./system-packages.ts";

const repository = "slipway/stack";
const definitionFolder = join(repositoryRoot, "stacks", "image");
const builder = join(repositoryRoot, "stacks", "build-stack.sh");
const shownLines = 15;

/** The image in the engine that stands for this clone's stack definition, shared by all clones that have the same. */
export async function localStackTag(folder = definitionFolder): Promise<string> {
  return `slipway-stack:${await definitionHash(folder)}`;
}

/** 12 hexadecimal digits over the names, modes and contents of all files under `folder`, and the machine's kind. */
export async function definitionHash(folder: string): Promise<string> {
  const hash = createHash("sha256").update(process.arch);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of files.toSorted()) {
    const { mode } = await stat(path);
    hash
      .update(`\0${path.slice(folder.length)}\0${(mode & 0o100).toString(8)}\0`)
      .update(await readFile(path));
  }
  return hash.digest("hex").slice(0, 12);
}

/** Yields the stack image's reference in the registry, present there and in the engine. Throws SetupError. */
export async function ensureStack(
  {
    dataDir,
    engine,
    registryUrl,
    given,
  }: { dataDir: string; engine: Engine; registryUrl: string; given: string | undefined },
  say: Say,
): Promise<string> {
  const stack = step(say, "stack");
  const image = given ?? (await localStackTag());
  const id =
    given === undefined
      ? await ensureBuilt(engine, image, dataDir, stack)
      : await ensurePulled(engine, given, stack);
  const tag =
    given === undefined ? image.slice(image.indexOf(":") + 1) : id.replace("sha256:", "").slice(0, 12);
  const registry = new URL(registryUrl);
  const reference = `${registry.host}/${repository}:${tag}`;
  if ((await imageId(engine.docker, reference)) === id && (await hasManifest(registryUrl, repository, tag))) {
    stack.tell(reference);
    return reference;
  }
  await push(engine, image, { registry, repository, tag }, stack);
  stack.tell(`${reference} (from ${image})`);
  return reference;
}

async function ensurePulled(engine: Engine, image: string, { during }: Step): Promise<string> {
  const present = await imageId(engine.docker, image);
  if (present !== undefined) return present;
  try {
    await during(`pulling ${image}`, (note) => pullImage(engine.docker, image, note));
  } catch (error) {
    throw new SetupError(
      `STACK_IMAGE=${image} is not in the engine and cannot be pulled (${reasonOf(error)}): name another, or unset it to have one made.`,
    );
  }
  const id = await imageId(engine.docker, image);
  if (id === undefined)
    throw new SetupError(`STACK_IMAGE=${image} was pulled, yet the engine does not know it by that name.`);
  return id;
}

async function ensureBuilt(engine: Engine, image: string, dataDir: string, stack: Step): Promise<string> {
  const present = await imageId(engine.docker, image);
  if (present !== undefined) return present;
  await using _lock = await sharedLock("stack", stack.tell);
  const madeMeanwhile = await imageId(engine.docker, image);
  if (madeMeanwhile !== undefined) return madeMeanwhile;
  await refuseUnlessBuildable();
  await stack.during(`making ${image} from stacks/, once for this machine`, (note) =>
    build(image, dataDir, stack.tell, note),
  );
  const id = await imageId(engine.docker, image);
  if (id === undefined)
    throw new SetupError(`stacks/build-stack.sh ended well, yet the engine has no ${image}.`);
  return id;
}

async function refuseUnlessBuildable(): Promise<void> {
  const advice = "set STACK_IMAGE to a stack image that the engine has or can pull";
  if (!isRoot())
    throw new SetupError(`Making the stack image needs root: run this once as root, or ${advice}.`);
  for (const program of ["debootstrap", "docker"]) {
    if ((await findProgram(program)) !== undefined) continue;
    throw new SetupError(`Making the stack image needs ${program}: install it, or ${advice}.`);
  }
}

/** Runs the builder with its whole output in a file, its headings told and its latest line noted. */
async function build(
  image: string,
  dataDir: string,
  tell: (text: string) => void,
  note: (detail: string) => void,
): Promise<void> {
  const folder = join(dataDir, "logs");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const logFile = join(folder, "stack.log");
  const child = execa("bash", [builder, image], {
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
    `The stack image could not be made; all of it is in ${logFile}, which ends:\n${lines.slice(-shownLines).join("\n")}`,
  );
}

async function push(
  engine: Engine,
  image: string,
  target: { registry: URL; repository: string; tag: string },
  { during }: Step,
): Promise<void> {
  try {
    await during("pushing it to the registry", (note) => pushImage(engine.docker, image, target, note));
  } catch (error) {
    throw new SetupError(
      `The engine cannot push the stack image to ${target.registry.host} (${reasonOf(error)}).
  Check that the engine reaches that registry and, if it speaks plain HTTP, lists it in "insecure-registries".`,
    );
  }
}
