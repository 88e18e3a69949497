import { expect, test } from "vitest";
import { connectDocker, parseDockerHost } from "./connection.ts";

test.for([
  ["unix:///run/docker.sock", { socketPath: "/run/docker.sock", protocol: "http" }],
  ["unix://", { socketPath: "/var/run/docker.sock", protocol: "http" }],
  ["tcp://engine:2375", { host: "engine", port: "2375", protocol: "http" }],
  ["engine", { host: "engine", port: "2375", protocol: "http" }],
  ["tcp://10.0.0.1:2376", { host: "10.0.0.1", port: "2376", protocol: "https" }],
  ["https://engine", { host: "engine", port: "2376", protocol: "https" }],
] as const)("parseDockerHost accepts %s", ([dockerHost, endpoint]) => {
  expect(parseDockerHost(dockerHost)).toEqual(endpoint);
});

test.for(["ssh://engine", "npipe:////./pipe/docker", "tcp://:0:0"])(
  "parseDockerHost rejects %s",
  (dockerHost) => {
    expect(() => parseDockerHost(dockerHost)).toThrow(
      expect.objectContaining({ code: "configuration-invalid" }),
    );
  },
);

test("a call to an engine that does not exist fails with engine-unavailable", async () => {
  using connection = connectDocker({ dockerHost: "unix:///nowhere/docker.sock" });
  await expect(connection.ping()).rejects.toMatchObject({ code: "engine-unavailable" });
});
