// SBOMs: the packages that a source's lock files name. What writes them as CycloneDX is imported from @slipway/sbom/bill: the library
// takes megabytes of memory.

export { lockedPackages } from "./locked-packages.ts";
export { sbomMediaType } from "./media-type.ts";
export type { LockedPackage, LockedPackages } from "./package.ts";
