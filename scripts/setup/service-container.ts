// A private service as a container, for machines whose engine can pull images but where no package can be installed.
import type Docker from "dockerode";
import type { Engine } from "./engine-connection.ts";
import { imageId, pullImage } from "./engine-images.ts";
import type { Installation } from "./installation.ts";
import { installationLabel } from "./installation.ts";
import { recordService } from "./services.ts";
import { reasonOf, SetupError } from "./setup-error.ts";

export interface ServiceContainerSpec {
  name: string;
  image: string;
  /** The port on this machine's loopback address to use for a new container. */
  port: number;
  innerPort: number;
  /** What the volume is mounted on. */
  dataPath: string;
  command: string[];
  environment: string[];
  /** Inside; the image's own when empty. */
  user: string;
  /** How a person would install the service instead. */
  installHint: string;
  /** The variable that names one elsewhere. */
  variable: string;
}

/** The label of a volume that outlives `npm run down`; its value is the installation's id. */
export const keptVolumeLabel = "io.slipway.kept-by";

/** Starts the container, or the one made before; yields the port it is bound to. Throws SetupError with what to do. */
export async function ensureServiceContainer(
  installation: Installation,
  engine: Engine,
  spec: ServiceContainerSpec,
): Promise<number> {
  if (!engine.local) throw new SetupError(`The Docker Engine is on another machine: set ${spec.variable}.`);
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
  await docker.createVolume({ Name: name, Labels: { [keptVolumeLabel]: installation.id } });
  return docker.createContainer({
    name,
    Image: spec.image,
    Cmd: spec.command,
    Env: spec.environment,
    User: spec.user,
    Labels: { [installationLabel]: installation.id, "io.slipway.kind": "service" },
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
      `There is no ${spec.name} here, and ${spec.image} cannot be pulled (${reasonOf(error)}).
  Install it (Debian and Ubuntu, as root: ${spec.installHint}), or set ${spec.variable} to one that runs.`,
    );
  }
}
