// SBOMs: the packages that a source's lock files name, as CycloneDX.

export { billOfMaterials, sbomMediaType, type BillOptions } from "./bill.ts";
export { lockedPackages } from "./locked-packages.ts";
export type { LockedPackage, LockedPackages } from "./package.ts";
