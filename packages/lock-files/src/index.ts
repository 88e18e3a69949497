// Reads the lock files of all languages: their packages, and facts about the install.

export { lockedGems, type LockedGem } from "./gemfile-lock.ts";
export type { LockFacts } from "./lock-facts.ts";
export { maxPackages } from "./locked-package.ts";
export type { LockedPackage, LockedPackages } from "./locked-package.ts";
export {
  lockedPackages,
  lockedWorkspace,
  lockFileNames,
  lockLanguages,
  type NodePackageManager,
} from "./locked-packages.ts";
export { lockedPrograms } from "./npm-lock-facts.ts";
export { normalizedName, requirementLines } from "./python-locks.ts";
export { readLockFacts } from "./read-lock-facts.ts";
