// Builds local replacements of the public images that Dockerfile and docker-compose.yml use, for machines that cannot pull them.

import { createHash } from "node:crypto";
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import {
  answeringEngine,
  definitionHash,
  ensureLocalStack,
  npmRegistry,
  pullImage,
  readConfig,
  reasonOf,
  repositoryRoot,
  SetupError,
  sharedLock,
  step,
} from "@slipway/setup";
import type { Engine, PrintLine, SetupConfig, Step } from "@slipway/setup";
import { ensureTestDatabaseImage } from "./test-database.ts";

/** The public images, by the variable of .env that overrides each. The stack is built from the image of STACK_LOCAL_IMAGE. */
export const publicImages = {
  NODE_IMAGE: "node:24-bookworm-slim",
  MONGO_IMAGE: "mongo:8",
  REDIS_IMAGE: "redis:7",
  REGISTRY_IMAGE: "registry:2",
  STACK_LOCAL_IMAGE: "debian:bookworm-slim",
} as const;

export type PublicImage = keyof typeof publicImages;
/** Replacement images, by the variable that names each. */
export type StandIns = Partial<Record<PublicImage | "PACKAGES_IMAGE" | "STACK_BUILD_LOCAL_IMAGE", string>>;

const definitions = join(repositoryRoot, "test", "compose", "stand-ins");
const hashLabel = "io.slipway.stand-in";

interface StandIn {
  /** The image's folder in test/compose/stand-ins. */
  folder: string;
  /** Build arguments. */
  from: Record<string, string>;
  /** Adds files to the build context that are not in the folder. */
  prepare?: (context: string) => Promise<void>;
}

/** Pulls the public images that the engine lacks, and reports the result of each. @returns the images that could not be pulled. */
export async function pullPublicImages(
  { dockerHost }: Pick<SetupConfig, "dockerHost">,
  printLine: PrintLine,
): Promise<PublicImage[]> {
  const engine = await answeringEngine(dockerHost);
  const missing: PublicImage[] = [];
  for (const variable of Object.keys(publicImages) as PublicImage[]) {
    if (!(await ensurePublic(engine, publicImages[variable], step(printLine, "stand-ins"))))
      missing.push(variable);
  }
  return missing;
}

/** Builds the replacements of these images that are missing or outdated. Throws SetupError. */
export async function buildStandIns(
  { dockerHost, dataDir }: Pick<SetupConfig, "dockerHost" | "dataDir">,
  wanted: readonly PublicImage[],
  printLine: PrintLine,
): Promise<StandIns> {
  const engine = await answeringEngine(dockerHost);
  const wants = (...variables: PublicImage[]) => variables.some((one) => wanted.includes(one));
  const built: StandIns = {};
  const standIns = step(printLine, "stand-ins");
  const buildOne = async (standIn: StandIn) => {
    await using _lock = await sharedLock("stand-ins", standIns.report);
    return ensure(engine, standIn, standIns);
  };
  if (wants("NODE_IMAGE", "REDIS_IMAGE", "REGISTRY_IMAGE", "STACK_LOCAL_IMAGE")) {
    const { run: stack, build: stackBuild } = await ensureLocalStack(engine, dataDir, printLine);
    if (wants("STACK_LOCAL_IMAGE")) {
      built.STACK_LOCAL_IMAGE = stack;
      built.STACK_BUILD_LOCAL_IMAGE = stackBuild;
    }
    if (wants("NODE_IMAGE")) {
      built.NODE_IMAGE = await buildOne({ folder: "node", from: { STACK: stackBuild }, prepare: addNode });
      const from = { NODE: built.NODE_IMAGE };
      built.PACKAGES_IMAGE = await buildOne({ folder: "packages", from, prepare: addNpmSettings });
    }
    if (wants("REDIS_IMAGE", "REGISTRY_IMAGE")) {
      const from = { SERVERS: await buildOne({ folder: "servers", from: { STACK: stack } }) };
      if (wants("REDIS_IMAGE")) built.REDIS_IMAGE = await buildOne({ folder: "redis", from });
      if (wants("REGISTRY_IMAGE")) built.REGISTRY_IMAGE = await buildOne({ folder: "registry", from });
    }
  }
  if (wants("MONGO_IMAGE")) {
    const from = { MONGODB: await ensureTestDatabaseImage(engine, dataDir, printLine) };
    built.MONGO_IMAGE = await buildOne({ folder: "mongo", from });
  }
  return built;
}

/** Replaces an image with a public name that an earlier version built here: Compose would mistake it for the public image. */
async function ensurePublic(engine: Engine, image: string, { report, during }: Step): Promise<boolean> {
  const labels = await labelsOf(engine, image);
  const fake = labels?.[hashLabel] !== undefined;
  if (labels !== undefined && !fake) {
    report(`${image} exists`);
    return true;
  }
  try {
    await during(`pulling ${image}`, (note) => pullImage(engine.docker, image, note));
    return true;
  } catch (error) {
    report(`${image} cannot be pulled (${reasonOf(error)})`);
  }
  // This removes only the name: running containers keep their image.
  if (fake) await engine.docker.getImage(image).remove({ force: true });
  return false;
}

/** @returns the name of the image. */
async function ensure(engine: Engine, standIn: StandIn, { report, during }: Step): Promise<string> {
  const image = `slipway-stand-in/${standIn.folder}`;
  const wanted = await hashOf(engine, standIn);
  if ((await labelsOf(engine, image))?.[hashLabel] === wanted) report(`${image} is up to date`);
  else await during(`building ${image}`, () => build(standIn, image, wanted));
  return image;
}

/** Hashes the definition, the ids of the base images, and the versions of Node and npm. */
async function hashOf({ docker }: Engine, { folder, from }: StandIn): Promise<string> {
  const hash = createHash("sha256").update(await definitionHash(join(definitions, folder)));
  hash.update(`${process.version} ${await packageManager()}`);
  for (const image of Object.values(from)) hash.update((await docker.getImage(image).inspect()).Id);
  return hash.digest("hex").slice(0, 12);
}

async function labelsOf({ docker }: Engine, image: string): Promise<Record<string, string> | undefined> {
  try {
    const { Config: config } = await docker.getImage(image).inspect();
    return config.Labels ?? {};
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

async function build({ folder, from, prepare }: StandIn, image: string, hash: string): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), "slipway-stand-in-"));
  try {
    await cp(join(definitions, folder), context, { recursive: true });
    await prepare?.(context);
    const buildArguments = Object.entries(from).flatMap(([name, value]) => [
      "--build-arg",
      `${name}=${value}`,
    ]);
    // The distribution's mirrors can be reached from the host's network.
    const own = ["--network", "host", "--label", `${hashLabel}=${hash}`, "--tag", image];
    await execa("docker", ["build", ...own, ...buildArguments, context], { all: true });
  } catch (error) {
    throw new SetupError(`Building ${image} failed: ${reasonOf(error)}`);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function addNode(context: string): Promise<void> {
  await copyFile(process.execPath, join(context, "node"));
  const prefix = join(context, "prefix");
  await execa("npm", ["install", "--global", "--prefix", prefix, await packageManager()], {
    cwd: context,
    all: true,
  });
  await cp(join(prefix, "lib", "node_modules", "npm"), join(context, "npm"), { recursive: true });
  await rm(prefix, { recursive: true });
}

/** The version of npm that this repository requires, as `npm@VERSION`. */
async function packageManager(): Promise<string> {
  const manifest = await readFile(join(repositoryRoot, "package.json"), "utf8");
  return (JSON.parse(manifest) as { packageManager: string }).packageManager;
}

async function addNpmSettings(context: string): Promise<void> {
  await writeFile(join(context, "npmrc"), `registry=${await npmRegistry(undefined)}\n`);
  const { buildCaBundle } = readConfig();
  const file = join(context, "authorities.pem");
  if (buildCaBundle === undefined) await writeFile(file, "");
  else await copyFile(buildCaBundle, file);
}
