// The Docker Engine for tests that need containers, and installations on it that leave nothing behind.

import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { label } from "@slipway/core";
import { servicesRequired } from "../config.ts";
import { dockerHost, stackImage } from "./config.ts";

const defaultDockerHost = "unix:///var/run/docker.sock";
/** Names under which set-up and stacks/build-stack.sh leave the stack image. */
const stackRepositories = ["slipway-stack", "slipway-dev-stack"];

export interface TestEngine {
  readonly dockerHost: string;
  /** An image with bash, coreutils and perl, whose user is 2000. */
  readonly stackImage: string;
}

/** An installation id of a test's own; disposing it removes its containers, their volumes and its networks. */
export interface TestInstallation extends AsyncDisposable {
  readonly id: string;
}

/**
 * Whether tests that need an engine have to be left out, for `describe.skipIf`.
 * @throws in CI, naming what is missing: there nothing is left out.
 */
export async function lacksEngine(): Promise<boolean> {
  try {
    await testEngine();
    return false;
  } catch (error) {
    if (servicesRequired) throw error;
    return true;
  }
}

/** @throws when no engine answers or it has no stack image. */
export async function testEngine(): Promise<TestEngine> {
  const found = dockerHost ?? defaultDockerHost;
  const filters = encodeURIComponent(JSON.stringify({ reference: stackRepositories }));
  const images = (await askEngine("GET", `/images/json?filters=${filters}`)) as { RepoTags?: string[] }[];
  const image = stackImage ?? images[0]?.RepoTags?.[0];
  if (image === undefined)
    throw new Error("the Docker Engine has no stack image: run set-up, or set STACK_IMAGE");
  return { dockerHost: found, stackImage: image };
}

export function newInstallation(): TestInstallation {
  const id = `test-${randomBytes(4).toString("hex")}`;
  return { id, [Symbol.asyncDispose]: () => removeAll(id) };
}

async function removeAll(installationId: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${label.installation}=${installationId}`] }));
  const containers = (await askEngine("GET", `/containers/json?all=1&filters=${filters}`)) as {
    Id: string;
  }[];
  await Promise.all(containers.map(({ Id }) => askEngine("DELETE", `/containers/${Id}?force=1&v=1`)));
  const networks = (await askEngine("GET", `/networks?filters=${filters}`)) as { Id: string }[];
  await Promise.all(networks.map(({ Id }) => askEngine("DELETE", `/networks/${Id}`)));
}

/** A call to the engine without the client that is under test. What is gone already is fine. */
async function askEngine(method: "GET" | "DELETE", path: string): Promise<unknown> {
  const { status, body } = await send(method, path);
  if (status >= 400 && status !== 404)
    throw new Error(`the Docker Engine answers ${status} to ${method} ${path}: ${body}`);
  return body === "" || status === 404 ? null : JSON.parse(body);
}

function send(method: string, path: string): Promise<{ status: number; body: string }> {
  const host = dockerHost ?? defaultDockerHost;
  const target = host.startsWith("unix://")
    ? { socketPath: host.slice("unix://".length) }
    : { host: new URL(host).hostname, port: new URL(host).port };
  return new Promise((resolve, reject) => {
    const sent = request({ ...target, method, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("error", reject).end();
  });
}
