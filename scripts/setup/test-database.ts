// The MongoDB server that tests share: the one MONGO_URL names, else a container of the image that test/mongodb defines.
import { join } from "node:path";
import type Docker from "dockerode";
import type { ScriptConfig } from "../config.ts";
import { repositoryRoot, testMongoUrl } from "../config.ts";
import type { Engine } from "./engine-connection.ts";
import { answeringEngine } from "./engine-connection.ts";
import { imageId } from "./engine-images.ts";
import { removeAll } from "./engine-removal.ts";
import { containers, networks } from "./engine-things.ts";
import type { IsOurs } from "./engine-things.ts";
import { definitionHash, ensureBuilt, obstacleTo } from "./image-builder.ts";
import type { ImageDefinition } from "./image-builder.ts";
import { installationId, installationLabel } from "./installation.ts";
import { choosePort } from "./ports.ts";
import type { Say, Step } from "./progress.ts";
import { step } from "./progress.ts";
import { SetupError } from "./setup-error.ts";
import { findProgram } from "./find-program.ts";

const folder = join(repositoryRoot, "test", "mongodb");
const definition: ImageDefinition = {
  what: "the tests' MongoDB server",
  builder: join(folder, "build-image.sh"),
  definedBy: [
    join(folder, "image"),
    join(folder, "build-image.sh"),
    join(repositoryRoot, "stacks", "debootstrap.sh"),
  ],
  programs: ["debootstrap", "docker", "go"],
  advice: "set MONGO_URL to a server whose databases tests may make and drop, or put mongod on PATH",
  name: "mongodb",
};
const innerPort = "27017/tcp";

/** The server at a URL, one that each test file starts for itself from PATH, or none. */
export type TestDatabase = { url: string } | "private" | "missing";

/**
 * Makes a server present for the tests of an installation that is set up; says why where none can be had. Throws SetupError
 * when one cannot be made, in CI also where none can be had.
 */
export async function ensureTestDatabase(config: ScriptConfig, say: Say): Promise<TestDatabase> {
  const mongodb = step(say, definition.name);
  const mongoUrl = testMongoUrl();
  const { dataDir, dockerHost, unattended } = config;
  if (mongoUrl !== undefined) {
    mongodb.tell("using MONGO_URL");
    return { url: mongoUrl };
  }
  if ((await findProgram("mongod")) !== undefined) {
    mongodb.tell("each test file starts the mongod on PATH");
    return "private";
  }
  const engine = await answeringEngine(dockerHost);
  const tag = await imageTag();
  const obstacle =
    (await imageId(engine.docker, tag)) === undefined ? await obstacleTo(definition) : undefined;
  if (obstacle === undefined) {
    await ensureBuilt(engine, tag, definition, { dataDir, step: mongodb });
    return { url: await startContainer(engine, tag, dataDir, mongodb) };
  }
  if (unattended) throw new SetupError(obstacle);
  mongodb.tell(`tests that need it are left out. ${obstacle}`);
  return "missing";
}

/** Makes the image while something else is made, where there is to be a container of it and it can be made. Throws SetupError. */
export async function prepareTestDatabase(engine: Engine, dataDir: string, say: Say): Promise<void> {
  if (testMongoUrl() !== undefined || (await findProgram("mongod")) !== undefined) return;
  if ((await obstacleTo(definition)) !== undefined) return;
  await ensureTestDatabaseImage(engine, dataDir, say);
}

/** Yields the name of the server's image in the engine, made there if it is missing. Throws SetupError. */
export async function ensureTestDatabaseImage(engine: Engine, dataDir: string, say: Say): Promise<string> {
  const tag = await imageTag();
  await ensureBuilt(engine, tag, definition, { dataDir, step: step(say, definition.name) });
  return tag;
}

async function imageTag(): Promise<string> {
  return `slipway-test-mongodb:${await definitionHash(...definition.definedBy)}`;
}

/** It carries the installation's label, so that taking the tests' services down removes it, and its network. */
async function startContainer(
  { docker }: Engine,
  image: string,
  dataDir: string,
  { tell }: Step,
): Promise<string> {
  const id = await installationId(dataDir);
  const name = `slipway-${id}-${definition.name}`;
  const labels = { [installationLabel]: id ?? "" };
  await removeFormer(docker, name);
  const port = await choosePort();
  const network = await docker.createNetwork({ Name: name, Labels: labels });
  const container = await docker.createContainer({
    name,
    Image: image,
    Labels: labels,
    HostConfig: {
      Init: true,
      NetworkMode: network.id,
      PortBindings: { [innerPort]: [{ HostIp: "127.0.0.1", HostPort: String(port) }] },
    },
  });
  await container.start();
  const url = `mongodb://127.0.0.1:${port}`;
  tell(`started, ${url}`);
  return url;
}

/** What a run left that was killed: its data is worth nothing. Throws SetupError. */
async function removeFormer(docker: Docker, name: string): Promise<void> {
  const isFormer: IsOurs = (_labels, found) => found === name;
  const { left } = await removeAll([containers(docker, isFormer), networks(docker, isFormer)]);
  if (left.length > 0)
    throw new SetupError(`The Docker Engine does not remove what an earlier run left: ${left.join("; ")}`);
}
