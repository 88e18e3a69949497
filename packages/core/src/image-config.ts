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
  readonly Healthcheck?: HealthConfig | null | undefined;
  readonly Shell?: readonly string[] | null | undefined;
}

/** The HEALTHCHECK in an image's configuration. */
interface HealthConfig {
  /** `CMD` and an argv, `CMD-SHELL` and a shell command, or `NONE`. */
  readonly Test?: readonly string[] | null | undefined;
  /** In nanoseconds; 0 for the default. */
  readonly Timeout?: number | undefined;
}

/** The HEALTHCHECK of an image. */
export interface Healthcheck {
  /** argv of the check. */
  readonly command: readonly string[];
  /** Time limit of one run. */
  readonly timeoutMs: number;
}

/** An image's default process. */
export interface ImageProcess {
  /** argv of the image's process: its entrypoint and its command. Empty when it has none. */
  readonly command: readonly string[];
  /** TCP ports that the image declares, sorted. */
  readonly exposedPorts: readonly number[];
  readonly user: string;
  /** Null when the image has none, or `HEALTHCHECK NONE`. */
  readonly healthcheck: Healthcheck | null;
}

const defaultShell = ["/bin/sh", "-c"];
/** The engine's own default. */
const defaultTimeoutMs = 30_000;
const nsPerMs = 1_000_000;
const maxPort = 65_535;

/** Labels of images become labels of their containers, which proxies, engines and Slipway act upon. */
const foreignLabel = /^(traefik|com\.docker|io\.slipway)\./i;

/**
 * @param ownLabels labels that Slipway itself added.
 * @throws {SlipwayError} "build-failed" for labels that others act upon, and for volumes, which a release's disk limit does not cover.
 */
export function imageProcess(
  config: RunConfig,
  ownLabels: Readonly<Record<string, string>> = {},
): ImageProcess {
  const { Entrypoint, Cmd, ExposedPorts, User, Labels, Volumes } = config;
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
    healthcheck: healthcheckOf(config),
  };
}

/** @returns the image's HEALTHCHECK; null when it has none, or `HEALTHCHECK NONE`. */
export function healthcheckOf({
  Healthcheck,
  Shell,
}: Pick<RunConfig, "Healthcheck" | "Shell">): Healthcheck | null {
  const [kind, ...words] = Healthcheck?.Test ?? [];
  const timeoutMs = Math.max(0, Healthcheck?.Timeout ?? 0) / nsPerMs || defaultTimeoutMs;
  if (words.length === 0) return null;
  if (kind === "CMD-SHELL") return { command: [...(Shell ?? defaultShell), ...words], timeoutMs };
  return kind === "CMD" ? { command: words, timeoutMs } : null;
}
