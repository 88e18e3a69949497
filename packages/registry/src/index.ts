// Images in an OCI registry: one layer over the stack's, streamed.

export { openRegistry } from "./registry.ts";
export type { RegistryOptions } from "./registry.ts";
export type { RegistryCredentials } from "./client.ts";
