import { execFile } from "node:child_process";
import { Agent } from "node:http";
import { inspect, promisify } from "node:util";
import { expect, test } from "vitest";
import { DockerClient } from "./docker-client.ts";

/** Prints the modules that a new process loads with the client. Other tests of this process may have loaded more. */
const script = `
  const { DockerClient } = await import(${JSON.stringify(new URL("docker-client.ts", import.meta.url).href)});
  const { createRequire } = await import("node:module");
  const docker = new DockerClient({ socketPath: "/nowhere/docker.sock" });
  const loaded = Object.keys(createRequire(import.meta.url).cache ?? createRequire("/").cache);
  console.log(JSON.stringify({ id: docker.getContainer("x").id, loaded }));
`;

test("the Docker client is complete, and loaded without the libraries that it does not need", async () => {
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  const { id, loaded } = JSON.parse((await run).stdout) as { id: string; loaded: string[] };
  expect(id).toBe("x");
  expect(loaded.filter((path) => path.includes("/dockerode/"))).not.toEqual([]);
  expect(loaded.filter((path) => /\/(@grpc|ssh2|protobufjs)\//.test(path))).toEqual([]);
});

test("requests are not formatted for a debug output that is off", async () => {
  let formatted = 0;
  const agent = Object.assign(new Agent(), { [inspect.custom]: () => String((formatted += 1)) });
  const options = { socketPath: "/nowhere/docker.sock", agent };
  const docker = new DockerClient(options);
  await expect(docker.ping()).rejects.toMatchObject({ code: "ENOENT" });
  expect(formatted).toBe(0);
});
