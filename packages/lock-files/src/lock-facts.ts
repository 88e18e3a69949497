// Facts about an install, from a lock file.

export interface LockFacts {
  /** Number of packages. */
  readonly packageCount: number;
  /** Folders of the source that are packages: workspaces, and dependencies by path. The lock file of yarn 1 does not contain them. */
  readonly linkedFolders?: readonly string[];
  /** Whether another package, or a patch, is part of the source. */
  readonly usesSource: boolean;
  /** Names of packages that may run a script during the install. Only lock files of npm, and of pnpm up to 8, contain them. */
  readonly withInstallScript: readonly string[];
}
