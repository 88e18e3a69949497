// A MongoDB server in a container of the image that test/mongodb defines.

import { label } from "@slipway/core";
import { dockerHost } from "../docker/config.ts";
import { requestEngine, defaultDockerHost } from "../docker/engine-api.ts";
import { newInstallation } from "../docker/test-engine.ts";
import { freePort } from "../free-port.ts";
import type { Machine } from "./machine.ts";

/** The name that npm test gives the image. */
const repository = "slipway-test-mongodb";
const innerPort = "27017/tcp";
const host = dockerHost ?? defaultDockerHost;

/** The id of the newest image; undefined without an image, or without an engine. */
export async function findMongoImage(): Promise<string | undefined> {
  const filters = encodeURIComponent(JSON.stringify({ reference: [repository] }));
  try {
    const images = (await requestEngine(host, "GET", `/images/json?filters=${filters}`)) as { Id: string }[];
    return images[0]?.Id;
  } catch {
    return undefined;
  }
}

/** Creates a container on a private network, without starting it. Disposing it removes both. */
export async function containerMachine(image: string): Promise<Machine> {
  const installation = newInstallation();
  const labels = { [label.installation]: installation.id };
  const port = await freePort();
  await requestEngine(host, "POST", "/networks/create", { Name: installation.id, Labels: labels });
  const { Id: id } = (await requestEngine(
    host,
    "POST",
    `/containers/create?name=${installation.id}-mongodb`,
    {
      Image: image,
      Labels: labels,
      ExposedPorts: { [innerPort]: {} },
      HostConfig: {
        Init: true,
        NetworkMode: installation.id,
        PortBindings: { [innerPort]: [{ HostIp: "127.0.0.1", HostPort: String(port) }] },
      },
    },
  )) as { Id: string };
  const request = async (what: string) => {
    await requestEngine(host, "POST", `/containers/${id}/${what}`);
  };
  return {
    port,
    start: () => request("start"),
    kill: () => request("kill"),
    [Symbol.asyncDispose]: () => installation[Symbol.asyncDispose](),
  };
}
