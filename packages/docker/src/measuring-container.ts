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
