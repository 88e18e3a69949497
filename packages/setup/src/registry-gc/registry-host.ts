// Finds the registry of an installation: a server that setup started, its container, or the one in docker-compose.yml.

import { hostname } from "node:os";
import { join } from "node:path";
import { answeringEngine } from "../engine/engine-connection.ts";
import type { Engine } from "../engine/engine-connection.ts";
import { findProgram } from "../machine/find-program.ts";
import { readServices } from "../services/services.ts";
import type { Service } from "../services/services.ts";
import { SetupError } from "../setup-error.ts";
import { serverCommand } from "../supervisor/server-command.ts";
import { runHere, runInContainer } from "./collector.ts";
import type { RegistryHost } from "./collector.ts";

const containerConfiguration = "/etc/docker/registry/config.yml";
const containerStorage = "/var/lib/registry";
/** The public image and Debian's package name the program differently. */
const programScript = "command -v registry || command -v docker-registry";
const projectLabel = "com.docker.compose.project";
const serviceLabel = "com.docker.compose.service";

/** Finds the private registry of the installation in `dataDir`. @throws {SetupError} when it has none. */
export async function privateRegistry(
  dataDir: string,
  installationId: string,
  dockerHost: string | undefined,
): Promise<RegistryHost> {
  const service = (await readServices(dataDir)).find(({ name }) => name === "registry");
  if (service === undefined)
    throw new SetupError(`There is no private registry in ${dataDir}: run npm start first.`);
  const folder = join(dataDir, "registry");
  return service.kind === "container"
    ? inContainer(await answeringEngine(dockerHost), service)
    : ofProcess(folder, installationId);
}

async function ofProcess(folder: string, installationId: string): Promise<RegistryHost> {
  const program = await findProgram("docker-registry");
  if (program === undefined)
    throw new SetupError("docker-registry is not installed: install it (apt-get install docker-registry).");
  return {
    name: "the private registry",
    program,
    configuration: join(folder, "config.yml"),
    storage: join(folder, "storage"),
    run: runHere((command) => serverCommand(installationId, { name: "registry", folder }, command)),
  };
}

function inContainer(engine: Engine, { containerId }: Extract<Service, { kind: "container" }>) {
  return hostIn(engine, containerId, "the private registry");
}

/**
 * Finds the registry of docker-compose.yml from within one of its containers: the container of the same project whose service is
 * named in `registryUrl`. @returns null when this process runs elsewhere, or the registry is not part of the project.
 */
export async function composeRegistry(
  registryUrl: string,
  dockerHost: string | undefined,
): Promise<RegistryHost | null> {
  const engine = await answeringEngine(dockerHost);
  const own = await engine.docker.listContainers({ filters: { id: [hostname()] } });
  const project = own[0]?.Labels[projectLabel];
  if (project === undefined) return null;
  const service = new URL(registryUrl).hostname;
  const label = [`${projectLabel}=${project}`, `${serviceLabel}=${service}`];
  const [found] = await engine.docker.listContainers({ filters: { label } });
  return found === undefined ? null : hostIn(engine, found.Id, `the service ${service} of ${project}`);
}

async function hostIn(engine: Engine, containerId: string, name: string): Promise<RegistryHost> {
  const run = runInContainer(engine, containerId);
  const found = await run(programScript, []);
  found.input.end();
  const { value: program } = await found.lines[Symbol.asyncIterator]().next();
  if (typeof program !== "string")
    throw new SetupError(
      `The container of ${name} has no program named registry: is it distribution's image?`,
    );
  return { name, program, configuration: containerConfiguration, storage: containerStorage, run };
}
