// What a lock file says about an install.

export interface LockFacts {
  /** Number of packages. */
  readonly packageCount: number;
  /** Folders of the source that are packages: workspaces, and dependencies by path. The lock file of yarn 1 does not tell them. */
  readonly linkedFolders?: readonly string[];
  /** Whether another package, or a patch, is part of the source. */
  readonly usesSource: boolean;
  /** Names of the packages that may run a script when they are installed. Only lock files of npm, and of pnpm up to 8, tell which do. */
  readonly withInstallScript: readonly string[];
}
