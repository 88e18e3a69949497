import { label } from "@slipway/core";
import { aRollout } from "@slipway/testkit";
import { expect, test } from "vitest";
import { containerConfig } from "./container-config.ts";

const rollout = aRollout({
  appId: "a",
  appName: "my-app",
  releaseId: "r",
  releaseNumber: 7,
  rolloutId: "o",
  deploymentId: "d",
  attempt: 2,
  environment: { GREETING: "hello", PORT: "1" },
  limits: { memoryBytes: 1000, cpus: 0.5, pids: 64, diskBytes: 4000 },
  stopGraceMs: 1_001,
});
const context = {
  installationId: "here",
  network: "net",
  publishHost: "127.0.0.1",
  hostPort: 20_001,
  quotaBytes: null,
  startId: "abcd",
  index: 2,
};
const config = containerConfig(rollout, context);

test("the container's name names no app: neighbors resolve the container's address to it", () => {
  expect(config.name).toBe("slipway-here-abcd-2");
});

test("PORT, CONTAINER and HOSTNAME are set for the instance, and its port is published on the chosen host port", () => {
  expect(config.Env).toEqual(["HOSTNAME=my-app-web-2", "GREETING=hello", "PORT=8080", "CONTAINER=web-2"]);
  expect(config.Hostname).toBe("my-app-web-2");
  expect(config.HostConfig.PortBindings).toEqual({
    "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "20001" }],
  });
});

test("the host name is at most 63 characters long, also for the longest names", () => {
  const longest = { appName: "x".repeat(48), processType: "y".repeat(24) };
  const { Hostname, Env } = containerConfig({ ...rollout, ...longest }, { ...context, index: 100 });
  expect(Hostname).toMatch(/^x+-y{24}-100$/);
  expect(Hostname.length).toBeLessThanOrEqual(63);
  expect(Env).toContain(`HOSTNAME=${Hostname}`);
});

test("the container has limits and no capabilities, and is not restarted while it boots", () => {
  expect(config.HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges", expect.stringMatching(/^seccomp=\{/)],
    Memory: 1000,
    MemorySwap: 1000,
    NanoCpus: 500_000_000,
    PidsLimit: 64,
    RestartPolicy: { Name: "no" },
  });
});

test("the container has the given runtime, and the engine's default without one", () => {
  expect(containerConfig(rollout, { ...context, runtime: "runsc" }).HostConfig).toMatchObject({
    Runtime: "runsc",
  });
  expect(config.HostConfig).not.toHaveProperty("Runtime");
});

test("a file of an instance is as large as its disk at most, and a quota is set where the engine has one", () => {
  expect(config.HostConfig.Ulimits).toContainEqual({ Name: "fsize", Soft: 4000, Hard: 4000 });
  expect(config.HostConfig.Ulimits).toContainEqual({ Name: "nofile", Soft: 16_384, Hard: 16_384 });
  expect(config.HostConfig).not.toHaveProperty("StorageOpt");
  const limited = containerConfig(rollout, { ...context, quotaBytes: 5000 });
  expect(limited.HostConfig.StorageOpt).toEqual({ size: "5000" });
});

test("the stop timeout is stopGraceMs, rounded up to whole seconds", () => {
  expect(config.StopTimeout).toBe(2);
});

test("a container of an app with a public host name has a health check and labels for Traefik", () => {
  expect(config.Healthcheck).toEqual({ Test: ["NONE"] });
  expect(Object.keys(config.Labels).filter((name) => name.startsWith("traefik"))).toEqual([]);
  const shown = containerConfig({ ...rollout, hostname: "my-app.example.com" }, context);
  expect(shown.Healthcheck.Test[0]).toBe("CMD");
  expect(shown.Labels).toMatchObject({ "traefik.http.routers.slipway-a.rule": "Host(`my-app.example.com`)" });
});

test("the labels name installation, app, release, rollout, instance and attempt", () => {
  expect(config.Labels).toMatchObject({
    [label.installation]: "here",
    [label.kind]: "release",
    [label.app]: "a",
    [label.release]: "r",
    [label.releaseNumber]: "7",
    [label.rollout]: "o",
    [label.instance]: "2",
    [label.deployment]: "d",
    [label.attempt]: "2",
    [label.processType]: "web",
  });
});
