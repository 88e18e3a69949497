// Runs a private service in a container, for machines where no package can be installed but images can be pulled.

import type Docker from "dockerode";
import { label } from "@slipway/core";
import type { Engine } from "../engine/engine-connection.ts";
import { imageId, pullImage } from "../engine/engine-images.ts";
import type { Installation } from "../installation.ts";
import { reasonOf, SetupError } from "../setup-error.ts";
import { recordService } from "./services.ts";

export interface ServiceContainerSpec {
  name: string;
  image: string;
  /** Loopback port for a new container. */
  port: number;
  innerPort: number;
  /** The mount path of the volume. */
  dataPath: string;
  command: string[];
  environment: string[];
  /** The user inside the container; empty for the image's default. */
  user: string;
  /** Command that installs the service as a package, for messages. */
  installHint: string;
  /** The variable that names an existing service. */
  variable: string;
}

/**
 * Starts the container, and creates it if it does not exist. A container that an earlier version created with other variables is
 * recreated, on its port and with its volume. Returns its loopback port. Throws SetupError with what to do.
 */
export async function ensureServiceContainer(
  installation: Installation,
  engine: Engine,
  spec: ServiceContainerSpec,
): Promise<number> {
  if (!engine.local)
    throw new SetupError(
      `The Docker Engine is on another machine, so no private ${spec.name} can run on it: set ${spec.variable}.`,
    );
  const name = `slipway-${installation.id}-${spec.name}`;
  const found = await existing(engine.docker, name);
  const outdated = found && (await outdatedPort(found, spec));
  if (outdated !== undefined) await found?.remove({ force: true });
  const container =
    found && outdated === undefined
      ? found
      : await create(installation, engine.docker, name, { ...spec, port: outdated ?? spec.port });
  const { State: state } = await container.inspect();
  if (!state.Running) await container.start();
  await recordService(installation.dataDir, {
    kind: "container",
    name: spec.name,
    containerId: container.id,
  });
  return portOf(await container.inspect(), spec);
}

/** The port of a container whose variables differ from the specification; undefined for a current one. */
async function outdatedPort(
  container: Docker.Container,
  spec: ServiceContainerSpec,
): Promise<number | undefined> {
  const info = await container.inspect();
  return spec.environment.every((variable) => info.Config.Env.includes(variable))
    ? undefined
    : portOf(info, spec);
}

function portOf({ HostConfig: host }: Docker.ContainerInspectInfo, spec: ServiceContainerSpec): number {
  const bindings = host.PortBindings as Record<string, { HostPort: string }[]>;
  return Number(bindings[`${spec.innerPort}/tcp`]?.[0]?.HostPort ?? spec.port);
}

async function existing(docker: Docker, name: string): Promise<Docker.Container | undefined> {
  const [found] = await docker.listContainers({ all: true, filters: { name: [`^/${name}$`] } });
  return found === undefined ? undefined : docker.getContainer(found.Id);
}

async function create(
  installation: Installation,
  docker: Docker,
  name: string,
  spec: ServiceContainerSpec,
): Promise<Docker.Container> {
  await ensureImage(docker, spec);
  await docker.createVolume({ Name: name, Labels: { [label.keptBy]: installation.id } });
  return docker.createContainer({
    name,
    Image: spec.image,
    Cmd: spec.command,
    Env: spec.environment,
    User: spec.user,
    Labels: { [label.installation]: installation.id, [label.kind]: "service" },
    HostConfig: {
      Binds: [`${name}:${spec.dataPath}`],
      PortBindings: { [`${spec.innerPort}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: String(spec.port) }] },
      RestartPolicy: { Name: "no" },
    },
  });
}

async function ensureImage(docker: Docker, spec: ServiceContainerSpec): Promise<void> {
  if ((await imageId(docker, spec.image)) !== undefined) return;
  try {
    await pullImage(docker, spec.image);
  } catch (error) {
    throw new SetupError(
      `${spec.name} is not installed, and its image ${spec.image} cannot be pulled (${reasonOf(error)}).
  Install it (Debian and Ubuntu, as root: ${spec.installHint}), or set ${spec.variable} to a running one.`,
    );
  }
}
