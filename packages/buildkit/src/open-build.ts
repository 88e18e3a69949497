// The request to the engine for a build by BuildKit with a session.

import type { Readable } from "node:stream";
import { responseOf } from "@slipway/docker";
import type { DockerConnection } from "@slipway/docker";

/**
 * Replaces the client's own method for builds of version 2, which opens a session without secrets.
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
