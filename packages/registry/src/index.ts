// The ImageRegistry adapter for OCI registries.

export { openRegistry } from "./registry.ts";
export type { RegistryOptions } from "./registry.ts";
export type { RegistryCredentials } from "./client.ts";
