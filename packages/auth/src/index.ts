// Authentication and authorization: passwords, API tokens, JWTs, signed URLs, permissions, the app that a request names, the first operator.

export * from "./accounts.ts";
export { hashApiToken, newApiToken } from "./api-token.ts";
export type { NewApiToken } from "./api-token.ts";
export * from "./auth.ts";
export type { Bearer } from "./bearer.ts";
export * from "./bootstrap.ts";
export * from "./find-app.ts";
export * from "./permissions.ts";
export { sessionLifetimeMs, sessionTokenName } from "./session-expiry.ts";
export * from "./sessions.ts";
export * from "./signed-url.ts";
export * from "./signing-keys.ts";
export * from "./tokens.ts";
