// Determines what kind of file a build left at a path, as the engine reports it.

import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, responseOf, statusOf } from "@slipway/docker";
import { workPath } from "./sandbox-config.ts";

/** Bits of Go's file modes, which the engine's API returns. */
const directoryBit = 2 ** 31;
const kinds: readonly (readonly [bit: number, kind: string])[] = [
  [2 ** 27, "a symbolic link"],
  [2 ** 26, "a device"],
  [2 ** 25, "a fifo"],
  [2 ** 24, "a socket"],
];

/** @returns "directory", or the other kind with its article: "a symbolic link", "nothing". */
export async function kindOfPath(
  container: Docker.Container,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    const mode = await modeOf(container, path, signal);
    if (isDirectory(mode)) return "directory";
    return kinds.find(([bit]) => (mode & bit) !== 0)?.[1] ?? "a regular file";
  } catch (error) {
    const status = statusOf(error);
    if (status === null) throw error;
    // The engine also fails for links that it cannot follow. Its own failures, or a missing container, affect the parent folder as well.
    await modeOf(container, workPath, signal);
    return status === 404 ? "nothing" : "a symbolic link";
  }
}

/** @returns the mode in Go's notation. */
async function modeOf(container: Docker.Container, path: string, signal: AbortSignal): Promise<number> {
  const request = async (abortSignal: AbortSignal) =>
    responseOf(await container.infoArchive({ path, abortSignal }));
  const response = await callEngine(`look at ${path}`, request, { signal });
  response.resume();
  return modeIn(response.headers);
}

/** @returns the mode from the header of a response about a path, in Go's notation. @throws "engine-unavailable" without it. */
export function modeIn(headers: NodeJS.Dict<string | string[]>): number {
  const stat = Buffer.from(String(headers["x-docker-container-path-stat"]), "base64").toString("utf8");
  const [, mode] = /"mode":(\d+)/.exec(stat) ?? [];
  if (mode === undefined)
    throw new SlipwayError("engine-unavailable", "the Docker Engine's response has no file mode");
  return Number(mode);
}

export function isDirectory(mode: number): boolean {
  return mode >= directoryBit;
}
