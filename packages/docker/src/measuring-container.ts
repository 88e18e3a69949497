// The confinement of containers that measure something of the engine: they write nothing, reach nothing and leave nothing.

import { securityOptions } from "./confinement/seccomp-profile.ts";

/** @returns the part of the configuration that all of them have. */
export function measuringContainer(memoryBytes: number) {
  return {
    WorkingDir: "/",
    Tty: false,
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      NetworkMode: "none",
      CapDrop: ["ALL"],
      SecurityOpt: [...securityOptions],
      ReadonlyRootfs: true,
      // Also when the worker has crashed.
      AutoRemove: true,
      PidsLimit: 16,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      LogConfig: { Type: "none", Config: {} },
    },
  };
}

/**
 * @param capabilities of its process, besides reading each file of the engine's host.
 * @returns the part of the configuration of containers that read folders of the engine's host as its root.
 */
export function hostReadingContainer(memoryBytes: number, capabilities: readonly string[] = []) {
  const { HostConfig, ...common } = measuringContainer(memoryBytes);
  return {
    ...common,
    User: "0:0",
    Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"],
    HostConfig: {
      ...HostConfig,
      // Every engine reserves the name. With gVisor or Kata as the default, the host's processes are not visible.
      Runtime: "runc",
      // On engines that map users, a mapped root may not read the folders, and the host's processes are refused.
      UsernsMode: "host",
      CapAdd: ["DAC_READ_SEARCH", ...capabilities],
    },
  };
}
