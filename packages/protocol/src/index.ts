// Schemas of bus messages, job payloads, socket frames, HTTP bodies and Redis records.

export * from "./bus.ts";
export * from "./frames.ts";
export * from "./http/index.ts";
export * from "./instances.ts";
export * from "./jobs.ts";
export * from "./keys.ts";
export * from "./routers.ts";
export * from "./workers.ts";
export * from "./socket-io.ts";
