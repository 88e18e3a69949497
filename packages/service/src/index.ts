// The common parts of all processes: configuration, logging, health checks, start and graceful stop.

export * from "./address.ts";
export * from "./client-settings.ts";
export * from "./common-config.ts";
export * from "./config.ts";
export * from "./health.ts";
export * from "./listen.ts";
export * from "./logger.ts";
export * from "./peer-server.ts";
export * from "./redis-url.ts";
export * from "./run.ts";
export * from "./setting-docs.ts";
export * from "./settings.ts";
export * from "./stacks.ts";
export * from "./stoppable-server.ts";
export * from "./throttled-error-log.ts";
