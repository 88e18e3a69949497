// SBOMs: the packages that a source's lock files name. What writes them as CycloneDX is imported from @slipway/sbom/bill: the library
// takes megabytes of memory.

export { overlaid, readLayerFiles } from "./image-files.ts";
export type { LayerFiles } from "./image-files.ts";
export { lockedPackages, lockedWorkspace, lockFileNames, lockLanguages } from "./locked-packages.ts";
export { installedPackages, isPackageDatabase } from "./package-databases.ts";
export { sbomMediaType } from "./media-type.ts";
export type { LockedPackage, LockedPackages } from "./package.ts";
