// Request and response bodies of the REST API, compatible with Scalingo's clients.

export * from "./apps.ts";
export * from "./collaborators.ts";
export * from "./containers.ts";
export * from "./deployments.ts";
export * from "./errors.ts";
export * from "./operations.ts";
export * from "./notifiers.ts";
export * from "./pagination.ts";
export * from "./queue.ts";
export * from "./queue-history.ts";
export * from "./receipts.ts";
export * from "./releases.ts";
export * from "./sessions.ts";
export * from "./sources.ts";
export * from "./stacks.ts";
export * from "./timeline.ts";
export * from "./tokens.ts";
export * from "./users.ts";
export * from "./variables.ts";
export * from "./workers.ts";
