// Access to a Docker Engine over dockerode, shared by the build engine and the scheduler.

export * from "./client.ts";
export * from "./connection.ts";
export * from "./containers.ts";
export * from "./frames.ts";
export * from "./images.ts";
export * from "./networks.ts";
export * from "./out-of-memory.ts";
export * from "./process.ts";
