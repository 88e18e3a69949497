// The ImageRegistry adapter for OCI registries, and the RemoteImages adapter for registries that users name.

export { openRegistry } from "./registry.ts";
export type { RegistryOptions } from "./registry.ts";
export type { RegistryCredentials } from "./client.ts";
export { openRemoteImages } from "./remote/remote-images.ts";
export type { RemoteImagesOptions } from "./remote/remote-images.ts";
