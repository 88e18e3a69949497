// Provides the MongoDB server that tests share: the one at MONGO_URL, else a container of the image that test/mongodb defines.

import { join } from "node:path";
import type Docker from "dockerode";
import { label } from "@slipway/core";
import {
  answeringEngine,
  choosePort,
  containers,
  definitionHash,
  ensureBuilt,
  findProgram,
  imageId,
  installationId,
  networks,
  obstacleTo,
  removeAll,
  repositoryRoot,
  SetupError,
  step,
  testMongoUrl,
} from "@slipway/setup";
import type { Engine, ImageDefinition, IsOurs, PrintLine, SetupConfig, Step } from "@slipway/setup";

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
  advice: "set MONGO_URL to a server on which tests may create and drop databases, or add mongod to PATH",
  name: "mongodb",
};
const innerPort = "27017/tcp";

/** The server at a URL, a private mongod from PATH for each test file, or none. */
export type TestDatabase = { url: string } | "private" | "missing";

/**
 * Provides a MongoDB server to the tests of an installation that is set up, or reports why it cannot. Throws SetupError when building its
 * image fails, and in CI also when this machine cannot build it.
 */
export async function ensureTestDatabase(config: SetupConfig, printLine: PrintLine): Promise<TestDatabase> {
  const mongodb = step(printLine, definition.name);
  const mongoUrl = testMongoUrl();
  const { dataDir, dockerHost, unattended } = config;
  if (mongoUrl !== undefined) {
    mongodb.report("using MONGO_URL");
    return { url: mongoUrl };
  }
  if ((await findProgram("mongod")) !== undefined) {
    mongodb.report("each test file starts its own mongod from PATH");
    return "private";
  }
  const engine = await answeringEngine(dockerHost);
  const tag = await imageTag();
  const obstacle =
    (await imageId(engine.docker, tag)) === undefined ? await obstacleTo(definition) : undefined;
  if (obstacle === undefined) {
    await ensureBuilt(engine, [tag], definition, { dataDir, step: mongodb });
    return { url: await startContainer(engine, tag, dataDir, mongodb) };
  }
  if (unattended) throw new SetupError(obstacle);
  mongodb.report(`tests that need it are skipped. ${obstacle}`);
  return "missing";
}

/** Builds the server's image ahead of time, if the tests need it and this machine can build it. Throws SetupError. */
export async function prepareTestDatabase(
  engine: Engine,
  dataDir: string,
  printLine: PrintLine,
): Promise<void> {
  if (testMongoUrl() !== undefined || (await findProgram("mongod")) !== undefined) return;
  if ((await obstacleTo(definition)) !== undefined) return;
  await ensureTestDatabaseImage(engine, dataDir, printLine);
}

/** Builds the server's image if the engine lacks it. Returns its tag. Throws SetupError. */
export async function ensureTestDatabaseImage(
  engine: Engine,
  dataDir: string,
  printLine: PrintLine,
): Promise<string> {
  const tag = await imageTag();
  await ensureBuilt(engine, [tag], definition, { dataDir, step: step(printLine, definition.name) });
  return tag;
}

async function imageTag(): Promise<string> {
  return `slipway-test-mongodb:${await definitionHash(...definition.definedBy)}`;
}

/** Starts the container and its network with the installation's label, so that teardown removes them. */
async function startContainer(
  { docker }: Engine,
  image: string,
  dataDir: string,
  { report }: Step,
): Promise<string> {
  const id = await installationId(dataDir);
  const name = `slipway-${id}-${definition.name}`;
  const labels = { [label.installation]: id ?? "" };
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
  report(`started, ${url}`);
  return url;
}

/** Removes the container and network that a killed run left. Throws SetupError. */
async function removeFormer(docker: Docker, name: string): Promise<void> {
  const isFormer: IsOurs = (_labels, found) => found === name;
  const { left } = await removeAll([containers(docker, isFormer), networks(docker, isFormer)]);
  if (left.length > 0)
    throw new SetupError(
      `The Docker Engine cannot remove what an earlier run left: ${left.join("; ")}. Remove it, then run the command again.`,
    );
}
