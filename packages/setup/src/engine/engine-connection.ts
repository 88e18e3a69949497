// Connects to a Docker Engine, or reports why it does not answer.

import Docker from "dockerode";
import { readConfig } from "../config.ts";
import { reasonOf, SetupError } from "../setup-error.ts";

export interface Engine {
  docker: Docker;
  /** Path of a socket or a URL, for display. */
  address: string;
  version: string;
  /** Whether the engine runs on this machine and can reach its loopback address. */
  local: boolean;
}

export const defaultSocket = "/var/run/docker.sock";
const probeTimeoutMs = 5_000;

/** Connects to the engine at `dockerHost` (as in DOCKER_HOST; undefined is the default socket). @returns it, or why it does not respond. */
export async function probeEngine(
  dockerHost: string | undefined,
): Promise<Engine | { reason: string; code?: string }> {
  const address = dockerHost ?? defaultSocket;
  try {
    const docker = connect(dockerHost);
    const { Version: version } = await withTimeout(docker.version());
    return { docker, address, version, local: isLocal(dockerHost) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return { reason: reasonOf(error), ...(code === undefined ? {} : { code }) };
  }
}

/** Connects to the engine at `dockerHost`. Throws SetupError when it does not answer. */
export async function answeringEngine(dockerHost: string | undefined): Promise<Engine> {
  const answer = await probeEngine(dockerHost);
  if ("docker" in answer) return answer;
  throw new SetupError(
    `The Docker Engine at ${dockerHost ?? defaultSocket} does not answer (${answer.reason}): start it, or set DOCKER_HOST.`,
  );
}

/** Whether `dockerHost` names the engine at the machine's default socket. */
export function isDefaultEngine(dockerHost: string | null | undefined): boolean {
  return (
    dockerHost === undefined ||
    dockerHost === null ||
    [`unix://${defaultSocket}`, "unix:///run/docker.sock"].includes(dockerHost)
  );
}

/** Whether `dockerHost` names an engine on this machine: a Unix socket, or TCP on the loopback address. */
export function isLocal(dockerHost: string | undefined): boolean {
  if (dockerHost === undefined || dockerHost.startsWith("unix://")) return true;
  const url = dockerHost.includes("//") ? dockerHost : `tcp://${dockerHost}`;
  const host = URL.canParse(url) ? new URL(url).hostname : "";
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

/** Dockerode itself reads DOCKER_HOST and its TLS settings. They do not apply to other hosts, which are passed as options. */
function connect(dockerHost: string | undefined): Docker {
  if (dockerHost === undefined) return new Docker({ socketPath: defaultSocket });
  if (dockerHost.startsWith("unix://")) return new Docker({ socketPath: dockerHost.slice("unix://".length) });
  if (dockerHost === readConfig().dockerHost) return new Docker();
  const url = new URL(dockerHost.includes("//") ? dockerHost : `tcp://${dockerHost}`);
  const secure = url.protocol === "https:" || url.port === "2376";
  const [protocol, port] = secure ? (["https", "2376"] as const) : (["http", "2375"] as const);
  return new Docker({ host: url.hostname, port: url.port || port, protocol });
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`no answer within ${probeTimeoutMs / 1000} s`)),
    probeTimeoutMs,
  );
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
