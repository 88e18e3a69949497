// Who asks and what they may do: API tokens, JWTs, signed URLs, the first operator.

export * from "./permissions.ts";
export { hashApiToken, newApiToken } from "./api-token.ts";
export type { NewApiToken } from "./api-token.ts";
export * from "./auth.ts";
export * from "./bootstrap.ts";
export * from "./signed-url.ts";
