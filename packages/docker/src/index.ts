// Access to a Docker Engine over dockerode, shared by the build engine and the scheduler.

export * from "./client.ts";
export * from "./confinement/runtimes.ts";
export * from "./confinement/seccomp-profile.ts";
export * from "./connection.ts";
export * from "./containers.ts";
export * from "./disk-quota.ts";
export * from "./egress/destinations.ts";
export * from "./egress/guard.ts";
export * from "./egress/probe.ts";
export type { EgressRules, GuardedBridge } from "./egress/rules.ts";
export * from "./engine-storage.ts";
export * from "./file-count/file-count.ts";
export * from "./frames.ts";
export * from "./images.ts";
export * from "./measuring-container.ts";
export * from "./networks.ts";
export * from "./out-of-memory.ts";
export * from "./process.ts";
export * from "./pulled-image-tags.ts";
export * from "./registry-login.ts";
export * from "./ulimits.ts";
export * from "./written-bytes.ts";
