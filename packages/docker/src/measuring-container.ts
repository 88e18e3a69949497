// The confinement of containers that measure resources of the engine: they write nothing, have no network and leave nothing behind.

import { securityOptions } from "./confinement/seccomp-profile.ts";

/** @returns the common part of their configurations. */
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
      // Removes the container even if the worker has crashed.
      AutoRemove: true,
      PidsLimit: 16,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      LogConfig: { Type: "none", Config: {} },
    },
  };
}

/**
 * @param capabilities capabilities of its process, in addition to reading all files of the engine's host.
 * @returns the configuration of containers that read folders of the engine's host as its root.
 */
export function hostReadingContainer(memoryBytes: number, capabilities: readonly string[] = []) {
  const { HostConfig, ...common } = measuringContainer(memoryBytes);
  return {
    ...common,
    User: "0:0",
    Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"],
    HostConfig: {
      ...HostConfig,
      // Every engine reserves this name. With gVisor or Kata as the default runtime, the host's processes would not be visible.
      Runtime: "runc",
      // With user namespaces, a mapped root might not be able to read the folders, and could not access the host's processes.
      UsernsMode: "host",
      CapAdd: ["DAC_READ_SEARCH", ...capabilities],
    },
  };
}
