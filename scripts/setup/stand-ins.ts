// Local images under the names of the public ones that Dockerfile and docker-compose.yml use, for where those cannot be pulled.
import { createHash } from "node:crypto";
import { copyFile, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { readConfig, repositoryRoot } from "../config.ts";
import type { Engine } from "./engine-connection.ts";
import { probeEngine } from "./engine-connection.ts";
import { npmRegistry } from "./environment.ts";
import { definitionHash } from "./image-builder.ts";
import type { Say, Step } from "./progress.ts";
import { step } from "./progress.ts";
import { reasonOf, SetupError } from "./setup-error.ts";
import { sharedLock } from "./shared-folder.ts";
import { ensureLocalStack } from "./stack.ts";
import { ensureTestDatabaseImage } from "./test-database.ts";
import manifest from "../../package.json" with { type: "json" };

/** Images to use beside those that stand in for public ones. */
export interface StandIns {
  /** The stack image: STACK_BUILD_IMAGE. */
  stackImage: string;
  /** Where packages are installed when the apps' image is made here: PACKAGES_IMAGE. */
  packagesImage: string;
}

const packagesImage = "slipway-stand-in/packages";
const serversImage = "slipway-stand-in/servers";
const definitions = join(repositoryRoot, "test", "compose", "stand-ins");
const hashLabel = "io.slipway.stand-in";
const nodeImage = "node:24-bookworm-slim";

interface StandIn {
  /** Its folder among the definitions. */
  folder: string;
  /** The public image's name. */
  image: string;
  /** Build arguments. */
  from: Record<string, string>;
  /** Puts what is not in the folder into the context. */
  prepare?: (context: string) => Promise<void>;
}

/**
 * Makes those that are missing or made of something else, and what they are made of. An image of a public name that is none
 * of ours is left alone. Throws SetupError.
 */
export async function makeStandIns(say: Say): Promise<StandIns> {
  const { dockerHost, dataDir } = readConfig();
  const engine = await probeEngine(dockerHost);
  if (!("docker" in engine))
    throw new SetupError(`There is no Docker Engine to make images in: ${engine.reason}`);
  const stackImage = await ensureLocalStack(engine, dataDir, say);
  const mongoImage = await ensureTestDatabaseImage(engine, dataDir, say);
  const standIns = step(say, "stand-ins");
  await using _lock = await sharedLock("stand-ins", standIns.tell);
  for (const standIn of standInsFrom(stackImage, mongoImage)) await ensure(engine, standIn, standIns);
  return { stackImage, packagesImage };
}

function standInsFrom(stackImage: string, mongoImage: string): StandIn[] {
  const fromStack = { STACK: stackImage };
  return [
    { folder: "node", image: nodeImage, from: fromStack, prepare: addNode },
    { folder: "packages", image: packagesImage, from: { NODE: nodeImage }, prepare: addNpmSettings },
    { folder: "servers", image: serversImage, from: fromStack },
    { folder: "redis", image: "redis:7", from: { SERVERS: serversImage } },
    { folder: "registry", image: "registry:2", from: { SERVERS: serversImage } },
    { folder: "mongo", image: "mongo:8", from: { MONGODB: mongoImage } },
  ];
}

async function ensure(engine: Engine, standIn: StandIn, { tell, during }: Step): Promise<void> {
  const wanted = await hashOf(engine, standIn);
  const present = await labelsOf(engine, standIn.image);
  const made = present?.[hashLabel];
  if (present !== undefined && (made === undefined || made === wanted))
    return tell(`${standIn.image} ${made === undefined ? "is the public one" : "is there"}`);
  await during(`making ${standIn.image}`, () => build(standIn, wanted));
}

/** Over the definition, the images it is made from, and the versions of what is put into it. */
async function hashOf({ docker }: Engine, { folder, from }: StandIn): Promise<string> {
  const hash = createHash("sha256").update(await definitionHash(join(definitions, folder)));
  hash.update(`${process.version} ${manifest.packageManager}`);
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

async function build({ folder, image, from, prepare }: StandIn, hash: string): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), "slipway-stand-in-"));
  try {
    await cp(join(definitions, folder), context, { recursive: true });
    await prepare?.(context);
    const buildArguments = Object.entries(from).flatMap(([name, value]) => [
      "--build-arg",
      `${name}=${value}`,
    ]);
    // the host's network, for it is the one that is known to reach the distribution's mirrors
    const own = ["--network", "host", "--label", `${hashLabel}=${hash}`, "--tag", image];
    await execa("docker", ["build", ...own, ...buildArguments, context], { all: true });
  } catch (error) {
    throw new SetupError(`The stand-in for ${image} could not be made: ${reasonOf(error)}`);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function addNode(context: string): Promise<void> {
  await copyFile(process.execPath, join(context, "node"));
  const prefix = join(context, "prefix");
  await execa("npm", ["install", "--global", "--prefix", prefix, manifest.packageManager], {
    cwd: context,
    all: true,
  });
  await cp(join(prefix, "lib", "node_modules", "npm"), join(context, "npm"), { recursive: true });
  await rm(prefix, { recursive: true });
}

async function addNpmSettings(context: string): Promise<void> {
  await writeFile(join(context, "npmrc"), `registry=${await npmRegistry(undefined)}\n`);
  const { buildCaBundle } = readConfig();
  const file = join(context, "authorities.pem");
  if (buildCaBundle === undefined) await writeFile(file, "");
  else await copyFile(buildCaBundle, file);
}
