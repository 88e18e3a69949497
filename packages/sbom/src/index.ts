// SBOMs: the packages that a source's lock files name. What writes them as CycloneDX is imported from @slipway/sbom/bill: the library
// takes megabytes of memory.

export { ImageFiles, readLayerFiles } from "./image-files.ts";
export type { Choose, LayerFiles } from "./image-files.ts";
export { lockedPackages, lockedWorkspace, lockFileNames, lockLanguages } from "./locked-packages.ts";
export { databaseSizeLimit, installedPackages } from "./package-databases.ts";
export { sbomMediaType } from "./media-type.ts";
export { maxPackages } from "./package.ts";
export type { LockedPackage, LockedPackages } from "./package.ts";
export { UnreadableImage } from "./unreadable-image.ts";
