import { label, type SandboxSpec } from "@slipway/core";
import { expect, test } from "vitest";
import { companionConfig, sandboxConfig } from "./sandbox-config.ts";

const spec: SandboxSpec = {
  image: "stack",
  command: ["/work/runner/build"],
  environment: { STACK: "s", EMPTY: "" },
  labels: { [label.deployment]: "d", [label.installation]: "forged", [label.kind]: "forged" },
  limits: { memoryBytes: 1000, cpus: 1.5, pids: 512, tmpfsBytes: 64, diskBytes: 4000 },
};
const context = {
  unset: ["OF_IMAGE", "STACK"],
  installationId: "here",
  name: "n",
  networkId: "net",
  relayId: null,
};
const config = sandboxConfig(spec, { ...context, quotaBytes: null, limitsVolumes: false });

test("variables of the image are unset, except those that the build has as well", () => {
  expect(config.Env).toEqual(["STACK=s", "EMPTY=", "OF_IMAGE"]);
});

test("every limit is passed on, in the engine's units", () => {
  expect(config.HostConfig).toMatchObject({
    Memory: 1000,
    MemorySwap: 1000,
    NanoCpus: 1_500_000_000,
    PidsLimit: 512,
    NetworkMode: "net",
  });
  const tmpfs = "rw,exec,nosuid,nodev,size=64,uid=2000,gid=2000,mode=";
  expect(config.HostConfig.Tmpfs).toEqual({ "/tmp": `${tmpfs}1777`, "/app": `${tmpfs}0755` });
});

test("a file of a build is as large as its disk at most, and its open files are limited", () => {
  expect(config.HostConfig.Ulimits).toEqual([
    { Name: "core", Soft: 0, Hard: 0 },
    { Name: "fsize", Soft: 4000, Hard: 4000 },
    { Name: "nofile", Soft: 8192, Hard: 8192 },
  ]);
});

test("the engine's kernel limits what a build writes where it can", () => {
  expect(config.HostConfig).not.toHaveProperty("StorageOpt");
  expect(config.Volumes).toEqual({ "/work/cache": {} });
  const limited = sandboxConfig(spec, { ...context, quotaBytes: 5000, limitsVolumes: true });
  expect(limited.HostConfig.StorageOpt).toEqual({ size: "5000" });
  expect(limited).not.toHaveProperty("Volumes");
  expect(limited.HostConfig.Mounts).toMatchObject([
    { Target: "/work/cache", VolumeOptions: { DriverConfig: { Name: "local", Options: { size: "4000" } } } },
  ]);
});

test("a sandbox has no privileges and no access to the host", () => {
  expect(config.User).toBe("2000:2000");
  expect(config.HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges", expect.stringMatching(/^seccomp=\{/)],
    Privileged: false,
    LogConfig: { Type: "none" },
  });
  expect(config.HostConfig).not.toHaveProperty("Binds");
  expect(config.HostConfig).not.toHaveProperty("Mounts");
});

test("Slipway's labels override the given ones", () => {
  expect(config.Labels).toEqual({
    [label.deployment]: "d",
    [label.installation]: "here",
    [label.kind]: "build",
  });
});

test("a companion has its sandbox's labels, and only the rights that its task needs", () => {
  const sandbox = { id: "c1", image: "stack", labels: config.Labels };
  const task = { command: ["du"], capabilities: ["DAC_READ_SEARCH"] };
  const companion = companionConfig(sandbox, task);
  expect(companion.Labels).toEqual({ ...config.Labels, [label.kind]: "build-companion" });
  expect(companion.HostConfig).toMatchObject({
    CapDrop: ["ALL"],
    CapAdd: ["DAC_READ_SEARCH"],
    NetworkMode: "none",
    ReadonlyRootfs: true,
    PidMode: "container:c1",
  });
});
