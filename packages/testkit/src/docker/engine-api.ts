// Calls to a Docker Engine's API without the client under test.

import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { finished } from "node:stream/promises";

export const defaultDockerHost = "unix:///var/run/docker.sock";

/** @returns null for 404 and for an empty response. @throws when the engine responds with another error. */
export async function requestEngine(
  dockerHost: string,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await send(dockerHost, method, path, body);
  const { statusCode: status = 0 } = response;
  const answer = await text(response);
  if (status >= 400 && status !== 404)
    throw new Error(`the Docker Engine responded with ${status} to ${method} ${path}: ${answer}`);
  return answer === "" || status === 404 ? null : JSON.parse(answer);
}

/** Copies an image with its name, without a registry. */
export async function copyImage(fromHost: string, toHost: string, reference: string): Promise<void> {
  const image = await send(fromHost, "GET", `/images/${encodeURIComponent(reference)}/get`);
  if (image.statusCode !== 200) throw new Error(`the Docker Engine has no image ${reference}`);
  const loaded = new Promise<IncomingMessage>((resolve, reject) => {
    const options = { ...engineAt(toHost), method: "POST", path: "/images/load?quiet=1", agent: false };
    const sending = request({ ...options, headers: { "content-type": "application/x-tar" } }, resolve);
    sending.on("error", reject);
    image.on("error", reject).pipe(sending);
  });
  const response = await loaded;
  await finished(response.resume());
  if (response.statusCode !== 200) throw new Error(`${reference} cannot be loaded: ${response.statusCode}`);
}

/** Pulls an image. @throws with the engine's messages when it cannot. */
export async function pullImage(dockerHost: string, reference: string): Promise<void> {
  const response = await send(
    dockerHost,
    "POST",
    `/images/create?fromImage=${encodeURIComponent(reference)}`,
  );
  const progress = await text(response);
  if (response.statusCode !== 200 || progress.includes('"error"'))
    throw new Error(`the Docker Engine cannot pull ${reference}: ${progress}`);
}

function send(dockerHost: string, method: string, path: string, body?: unknown): Promise<IncomingMessage> {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    request({ ...engineAt(dockerHost), method, path, headers, agent: false }, resolve)
      .on("error", reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Options with which `node:http` reaches the engine. */
export function engineAt(dockerHost: string): { socketPath: string } | { host: string; port: string } {
  if (dockerHost.startsWith("unix://")) return { socketPath: dockerHost.slice("unix://".length) };
  const { hostname, port } = new URL(dockerHost);
  return { host: hostname, port };
}
