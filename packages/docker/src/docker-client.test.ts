import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { DockerClient } from "./docker-client.ts";

test("the Docker client is complete, and loaded without the libraries that it does not need", () => {
  const docker = new DockerClient({ socketPath: "/nowhere/docker.sock" });
  expect(docker.getContainer("x").id).toBe("x");
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.filter((path) => path.includes("/dockerode/"))).not.toEqual([]);
  expect(loaded.filter((path) => /\/(@grpc|ssh2|protobufjs)\//.test(path))).toEqual([]);
});
