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
  /** The loopback port of a new container. */
  port: number;
  innerPort: number;
  /** The mount path of the volume. */
  dataPath: string;
  command: string[];
  environment: string[];
  /** The user inside the container; empty for the image's default. */
  user: string;
  /** The command that installs the service as a package, for messages. */
  installHint: string;
  /** The variable that names an existing service. */
  variable: string;
}

/** Starts the container, and creates it if it does not exist. Returns its loopback port. Throws SetupError with what to do. */
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
  const container =
    (await existing(engine.docker, name)) ?? (await create(installation, engine.docker, name, spec));
  const { State: state } = await container.inspect();
  if (!state.Running) await container.start();
  await recordService(installation.dataDir, {
    kind: "container",
    name: spec.name,
    containerId: container.id,
  });
  const { HostConfig: host } = await container.inspect();
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
