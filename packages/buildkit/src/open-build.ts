// The engine's request for a build by BuildKit, which names a session.

import type { Readable } from "node:stream";
import { responseOf } from "@slipway/docker";
import type { DockerConnection } from "@slipway/docker";

/**
 * The client's own method for builds of version 2 opens a session of its own, which knows no secrets.
 * @param file uncompressed tar of the context. @returns the engine's messages.
 */
export function openBuild(
  { docker }: Pick<DockerConnection, "docker">,
  file: Readable,
  query: Readonly<Record<string, string>>,
): Promise<Readable> {
  const statusCodes = { 200: true, 400: "bad parameter", 500: "server error" };
  const options = { path: "/build?", method: "POST", file, options: query, isStream: true, statusCodes };
  return new Promise((resolve, reject) => {
    docker.modem.dial(options, (error, response) =>
      error === null ? resolve(responseOf(response)) : reject(error),
    );
  });
}
