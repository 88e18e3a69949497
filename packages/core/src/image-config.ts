// The configuration of images that Slipway did not assemble, and the settings that a release may not have.

import { SlipwayError } from "./errors.ts";

/** The part of an image's configuration that decides how its process runs, with the field names of Docker and OCI. */
export interface RunConfig {
  readonly Entrypoint?: readonly string[] | string | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null | undefined;
  readonly User?: string | null | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  readonly Volumes?: Readonly<Record<string, unknown>> | null | undefined;
}

/** An image's default process. */
export interface ImageProcess {
  /** argv of the image's process: its entrypoint and its command. Empty when it has none. */
  readonly command: readonly string[];
  /** TCP ports that the image declares, sorted. */
  readonly exposedPorts: readonly number[];
  readonly user: string;
}

const maxPort = 65_535;

/** Labels of images become labels of their containers, which proxies, engines and Slipway act upon. */
const foreignLabel = /^(traefik|com\.docker|io\.slipway)\./i;

/**
 * @param ownLabels labels that Slipway itself added.
 * @throws {SlipwayError} "build-failed" for labels that others act upon, and for volumes, which a release's disk limit does not cover.
 */
export function imageProcess(
  { Entrypoint, Cmd, ExposedPorts, User, Labels, Volumes }: RunConfig,
  ownLabels: Readonly<Record<string, string>> = {},
): ImageProcess {
  const label = Object.keys(Labels ?? {}).find(
    (name) => foreignLabel.test(name) && !Object.hasOwn(ownLabels, name),
  );
  if (label !== undefined)
    throw new SlipwayError(
      "build-failed",
      `the image has the label ${label}, which is not the app's: remove the LABEL`,
    );
  const [volume] = Object.keys(Volumes ?? {});
  if (volume !== undefined)
    throw new SlipwayError(
      "build-failed",
      `the image declares the volume ${volume}, which is not limited: remove the VOLUME, or use a base image without it`,
    );
  const ports = Object.keys(ExposedPorts ?? {}).filter((port) => !port.endsWith("/udp"));
  const numbers = ports
    .map((port) => Number.parseInt(port, 10))
    .filter((port) => port > 0 && port <= maxPort);
  return {
    command: [...[Entrypoint ?? []].flat(), ...(Cmd ?? [])],
    exposedPorts: numbers.toSorted((a, b) => a - b),
    user: User ?? "",
  };
}
