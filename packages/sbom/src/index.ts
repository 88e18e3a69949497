// SBOMs: the packages of images, as CycloneDX. The CycloneDX writer is exported by @slipway/sbom/bill instead, because its library
// takes megabytes of memory.

export { ImageFiles, readLayerFiles } from "./image-files.ts";
export type { Choose, LayerFiles } from "./image-files.ts";
export { databaseSizeLimit, installedPackages } from "./package-databases.ts";
export { sbomMediaType } from "./media-type.ts";
export { UnreadableImage } from "./unreadable-image.ts";
